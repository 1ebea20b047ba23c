// <byte-counter for="id" max="4096"> counts what the server will count, as one types.
const encoder = new TextEncoder();

function base64Bytes(text) {
  const clean = text.trim();
  const padding = clean.endsWith("==") ? 2 : clean.endsWith("=") ? 1 : 0;
  return Math.max(0, Math.floor((clean.length * 3) / 4) - padding);
}

class ByteCounter extends HTMLElement {
  connectedCallback() {
    this.control = document.getElementById(this.getAttribute("for"));
    this.form = this.control?.form;
    this.limit = Number(this.getAttribute("max"));
    this.output = this.querySelector("[data-count]");
    this.bar = this.querySelector("progress");
    this.form?.addEventListener("input", this);
    this.form?.addEventListener("change", this);
    this.update();
  }

  disconnectedCallback() {
    this.form?.removeEventListener("input", this);
    this.form?.removeEventListener("change", this);
  }

  handleEvent() {
    this.update();
  }

  get count() {
    const control = this.control;
    if (!control) return 0;
    if (control.type === "file") return control.files[0]?.size ?? 0;
    const format = this.form?.elements.namedItem("format")?.value;
    if (format === "hex") return Math.floor(control.value.replace(/\s/g, "").length / 2);
    if (format === "base64") return base64Bytes(control.value);
    return encoder.encode(control.value).length;
  }

  get applies() {
    const format = this.form?.elements.namedItem("format")?.value;
    return !format || (format === "file") === (this.control.type === "file");
  }

  update() {
    const count = this.count;
    const over = count > this.limit;
    if (this.output) this.output.textContent = count.toLocaleString(document.documentElement.lang);
    if (this.bar) this.bar.value = Math.min(count, this.limit);
    this.classList.toggle("over", over);
    this.control?.setCustomValidity(over && this.applies ? this.dataset.over : "");
  }
}

customElements.define("byte-counter", ByteCounter);
