// Hints that answer while one types. The server decides; this only says it sooner.

class CheckedField extends HTMLElement {
  connectedCallback() {
    this.control = this.querySelector("input, textarea");
    this.hint = this.querySelector("[data-hint]");
    this.count = this.querySelector("[data-length]");
    this.addEventListener("input", this);
    this.update();
  }

  handleEvent() {
    this.update();
  }

  update() {
    const { value, validity } = this.control;
    const bad = value !== "" && (validity.patternMismatch || validity.tooLong);
    this.hint?.classList.toggle("bad", bad);
    if (value === "" || !this.control.hasAttribute("data-refused")) {
      this.control.toggleAttribute("aria-invalid", false);
    }
    if (bad) this.control.setAttribute("aria-invalid", "true");
    if (this.count) this.count.textContent = String(this.length);
  }

  get length() {
    const bytes = this.hasAttribute("bytes");
    return bytes ? new TextEncoder().encode(this.control.value).length : this.control.value.length;
  }
}
customElements.define("checked-field", CheckedField);

const quoted = {
  shell: (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`),
  python: (text) => JSON.stringify(text),
};

// Shows the form's values inside the equivalent API call.
class ApiCall extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
    this.form?.addEventListener("input", this);
    this.handleEvent();
  }

  handleEvent() {
    for (const place of this.querySelectorAll("[data-from]")) {
      const value = this.form?.elements.namedItem(place.dataset.from)?.value ?? "";
      const line = place.closest("[data-optional]");
      if (line) line.hidden = value === "";
      place.textContent = quoted[place.dataset.quote](value || place.dataset.example);
    }
  }
}
customElements.define("api-call", ApiCall);
