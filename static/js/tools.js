// The online tools: a download that never leaves the browser, and plaintext that goes
// away again.

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
