// <local-time> round a <time>: the reader's own clock, with UTC on hover. One form of dates
// on all pages, the server's: days before months, and 24 hours.
import { language } from "./language.js";

const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const brief = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

class LocalTime extends HTMLElement {
  connectedCallback() {
    const time = this.querySelector("time");
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) return;
    const words = exact.format(moment);
    const short = this.hasAttribute("day") ? day.format(moment) : words;
    time.textContent = this.hasAttribute("relative") ? this.recent(moment) ?? short : short;
    if (time.textContent !== words) time.title = `${words} · ${time.title}`;
  }

  recent(moment) {
    const seconds = (moment - Date.now()) / 1000;
    if (Math.abs(seconds) > 30 * 86400) return null;
    const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? units.at(-1);
    // As on the key's own page, twelve days to come are not eleven a moment later.
    const number = seconds > 0 ? Math.round(seconds / size) : Math.trunc(seconds / size);
    return (this.hasAttribute("day") ? brief : relative).format(number, unit);
  }
}
customElements.define("local-time", LocalTime);
