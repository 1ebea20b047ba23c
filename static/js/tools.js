// The online tools: context rows, a download that never leaves the browser, and
// plaintext that goes away again.

class ContextEditor extends HTMLElement {
  connectedCallback() {
    this.rows = this.querySelector(".context-rows");
    // Without this script three rows stand ready; with it, one does and more can come.
    for (const row of [...this.rows.children].slice(1)) {
      if ([...row.querySelectorAll("input")].every((field) => !field.value)) row.remove();
    }
    this.addEventListener("click", this);
  }

  handleEvent(event) {
    if (event.target.closest("[data-add]")) this.add();
    const remove = event.target.closest("[data-remove]");
    if (remove) this.remove_(remove.closest(".context-row"));
  }

  add() {
    const row = this.rows.lastElementChild.cloneNode(true);
    for (const field of row.querySelectorAll("input")) field.value = "";
    this.rows.append(row);
    row.querySelector("input").focus();
  }

  remove_(row) {
    if (this.rows.children.length > 1) {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      next.querySelector("input").focus();
      return;
    }
    for (const field of row.querySelectorAll("input")) field.value = "";
    row.querySelector("input").focus();
  }
}
customElements.define("context-editor", ContextEditor);

class DownloadButton extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this);
  }

  get bytes() {
    const source = document.getElementById(this.getAttribute("for"));
    const text = source?.value ?? source?.textContent ?? "";
    if (!this.hasAttribute("base64")) return text;
    return Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  }

  handleEvent(event) {
    if (!event.target.closest("button")) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([this.bytes], { type: "application/octet-stream" }));
    link.download = this.getAttribute("name");
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
customElements.define("download-button", DownloadButton);

class TimedResult extends HTMLElement {
  connectedCallback() {
    this.left = Number(this.getAttribute("seconds"));
    this.clock = this.querySelector("[data-left]");
    this.timer = setInterval(() => this.tick(), 1000);
    this.leave = () => this.clear();
    addEventListener("pagehide", this.leave);
    this.show();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    removeEventListener("pagehide", this.leave);
  }

  tick() {
    this.left -= 1;
    if (this.left > 0) this.show();
    else this.clear();
  }

  show() {
    if (this.clock) this.clock.textContent = String(this.left);
  }

  clear() {
    clearInterval(this.timer);
    const gone = this.querySelector("template[data-cleared]")?.content.cloneNode(true);
    if (!gone) return;
    for (const field of this.querySelectorAll("textarea")) field.value = "";
    this.replaceChildren(gone);
  }
}
customElements.define("timed-result", TimedResult);
