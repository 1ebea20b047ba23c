// <row-picker> round the rows: how many are ticked, and all of them at once.
class RowPicker extends HTMLElement {
  connectedCallback() {
    this.all = this.querySelector("[data-all]");
    this.place = this.querySelector("[data-count]");
    // Who may change nothing has nothing to tick.
    if (!this.place) return;
    if (this.all) this.all.hidden = false;
    this.addEventListener("change", this);
    this.update();
  }

  get boxes() {
    return [...this.querySelectorAll("tbody .tick input")];
  }

  handleEvent(event) {
    if (event.target === this.all) {
      for (const box of this.boxes) box.checked = this.all.checked;
    }
    this.update();
  }

  update() {
    const { boxes, all, place } = this;
    const ticked = boxes.filter((box) => box.checked).length;
    if (all) {
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    const words = ticked === 1 ? place.dataset.one : place.dataset.many.replace("{n}", ticked);
    if (place.textContent !== words) place.textContent = words;
  }
}
customElements.define("row-picker", RowPicker);
