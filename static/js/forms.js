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
  plain: (text) => text,
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
      const value = this.valueOf_(place.dataset.from);
      const line = place.closest("[data-optional]");
      if (line) line.hidden = value === "";
      place.textContent = quoted[place.dataset.quote](value || place.dataset.example);
    }
  }

  // What the form hides does not apply to what was chosen.
  valueOf_(name) {
    const control = this.form?.elements.namedItem(name);
    if (!control) return "";
    const parts = control instanceof RadioNodeList ? [...control] : [control];
    const counts = parts.some((part) => part.type === "hidden" || part.checkVisibility());
    return counts ? control.value : "";
  }
}
customElements.define("api-call", ApiCall);

// Rows of names and values, of which more can come and each can go.
class RowEditor extends HTMLElement {
  connectedCallback() {
    // Without this script three rows stand ready; with it, one does and more can come.
    for (const row of this.rows.slice(1)) {
      if ([...row.querySelectorAll("input")].every((field) => !field.value)) row.remove();
    }
    this.addEventListener("input", this);
    this.addEventListener("click", this);
    this.changed();
  }

  handleEvent(event) {
    if (event.type === "input") this.changed();
    else if (event.target.closest("[data-add]")) this.add();
    else if (event.target.closest("[data-remove]")) this.take(event.target.closest(".context-row"));
  }

  get rows() {
    return [...this.querySelectorAll(".context-row")];
  }

  add() {
    const row = this.rows.at(-1).cloneNode(true);
    for (const field of row.querySelectorAll("input")) field.value = "";
    this.rows.at(-1).after(row);
    row.querySelector("input").focus();
  }

  take(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling ?? row;
    if (next === row) for (const field of row.querySelectorAll("input")) field.value = "";
    else row.remove();
    next.querySelector("input").focus();
    this.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // For those that follow what the rows hold.
  changed() {}
}
customElements.define("context-editor", RowEditor);

// Gives its rows to the API call as the JSON it takes.
class TagRows extends RowEditor {
  changed() {
    const tags = this.rows
      .map((row) => [...row.querySelectorAll("input")].map((field) => field.value.trim()))
      .filter(([name, value]) => name || value)
      .map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
    this.querySelector("[data-json]").value = tags.length ? JSON.stringify(tags) : "";
  }
}
customElements.define("tag-rows", TagRows);
