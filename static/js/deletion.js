// <deletion-form data-name="…">: the date follows the days, and the danger button waits
// for the key's name. The server computes and checks the same.
import { language } from "./language.js";

const spoken = new Intl.DateTimeFormat(language, {
  weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit",
});
const DAY = 86_400_000;

class DeletionForm extends HTMLElement {
  connectedCallback() {
    this.days = this.querySelector("[name=PendingWindowInDays]");
    this.typed = this.querySelector("[name=typed_name]");
    this.danger = this.querySelector("[data-danger]");
    this.addEventListener("input", this);
    // The page behind the dialog still shows the state from before.
    if ("stale" in this.dataset) {
      this.closest("dialog")?.addEventListener("close", () => location.reload(), { once: true });
    }
    this.update();
  }

  handleEvent() {
    this.update();
  }

  update() {
    if (this.danger) this.danger.disabled = this.typed.value.trim() !== this.dataset.name;
    const fits = Boolean(this.days?.value) && this.days.validity.valid;
    for (const place of this.querySelectorAll("output[data-date]")) place.hidden = !fits;
    if (!fits) return;
    const date = spoken.format(new Date(Date.now() + this.days.valueAsNumber * DAY));
    for (const place of this.querySelectorAll("[data-date]")) {
      place.textContent = place.dataset.date.replace("%s", date);
    }
  }
}
customElements.define("deletion-form", DeletionForm);
