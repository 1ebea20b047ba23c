// <copy-button text="…"> or <copy-button for="id"> round a <button>: copies and says so.
const announcer = () => document.getElementById("announcer");

async function toClipboard(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Plain HTTP on another machine has no clipboard API.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("copy refused");
}

class CopyButton extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this);
  }

  get source() {
    return document.getElementById(this.getAttribute("for"));
  }

  async handleEvent(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const source = this.source;
    const text = this.getAttribute("text") ?? source?.value ?? source?.textContent ?? "";
    try {
      await toClipboard(text);
      this.confirm(button);
    } catch {
      source?.select?.();
      announcer().textContent = this.dataset.failed ?? "";
    }
    if (document.activeElement === document.body) button.focus();
  }

  confirm(button) {
    const use = button.querySelector("use");
    const before = use?.getAttribute("href");
    use?.setAttribute("href", before.replace(/#.*$/, "#check"));
    announcer().textContent = this.dataset.copied ?? "";
    setTimeout(() => {
      use?.setAttribute("href", before);
      announcer().textContent = "";
    }, 1600);
  }
}

customElements.define("copy-button", CopyButton);
