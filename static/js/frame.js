// What every page has: theme, menus, shortcuts, toasts, dialogs. All of it works without.
const root = document.documentElement;

// Theme: the server renders the cookie's choice, so nothing flashes on the next page.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-theme-form]");
  if (!form || !event.submitter) return;
  event.preventDefault();
  const theme = event.submitter.value;
  root.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  for (const button of document.querySelectorAll("form[data-theme-form] button")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
});

// The list's filters change the address without a new page; forms go back to what is shown.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-return-here]");
  if (form) form.elements.namedItem("next").value = location.pathname + location.search;
});

// Tabs that don't fit scroll sideways: begin at the one that is open.
for (const here of document.querySelectorAll(":is(.tabs, .segments) > [aria-current]")) {
  const row = here.parentElement;
  const [inner, outer] = [here, row].map((one) => one.getBoundingClientRect());
  row.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
}

// Menus close when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    return;
  }
  const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = [...document.querySelectorAll("[data-search]")].find((field) => field.checkVisibility());
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  }
});

// Toasts: said once more for screen readers, gone after a while unless they are errors.
class ToastList extends HTMLElement {
  connectedCallback() {
    for (const toast of this.children) {
      const close = toast.querySelector("[data-close]");
      if (close) close.hidden = false;
      close?.addEventListener("click", () => toast.remove());
      this.say(toast.querySelector("[data-words]"));
      if (!toast.hasAttribute("data-stays")) this.expire(toast);
    }
  }

  // A live region speaks when it changes, not because it was there from the start.
  say(place) {
    const words = place.textContent;
    place.textContent = "\u00a0";
    setTimeout(() => { place.textContent = words; }, 60);
  }

  expire(toast) {
    setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) this.expire(toast);
      else toast.remove();
    }, 7000);
  }
}
customElements.define("toast-list", ToastList);

// The dialog gives the focus back to where it was, which must not be in a closed menu.
function leaveMenu() {
  const menu = document.activeElement?.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
}

// Dialogs: a link marked data-dialog leads to a page; htmx brings the same form here.
const dialog = document.getElementById("dialog");
if (dialog) {
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === dialog && dialog.hasChildNodes()) {
      if (!dialog.open) {
        leaveMenu();
        dialog.showModal();
      }
      dialog.querySelector("[autofocus]")?.focus();
    }
    const place = dialog.open ? dialog : document.getElementById("main");
    place.querySelector("form [aria-invalid=true]")?.focus();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-cancel]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  dialog.addEventListener("close", () => dialog.replaceChildren());
}

// A whole page where a part was asked for: signed out meanwhile, or an error page.
document.body?.addEventListener("htmx:beforeSwap", (event) => {
  if (!/^\s*<!doctype/i.test(event.detail.serverResponse ?? "")) return;
  event.detail.shouldSwap = false;
  location.assign(event.detail.xhr.responseURL);
});

// No answer at all: say so where the reader looks.
document.body?.addEventListener("htmx:sendError", () => {
  const notice = document.getElementById("unreachable")?.content.cloneNode(true);
  const place = dialog?.open ? dialog : document.getElementById("main");
  place.querySelector("[data-unreachable]")?.remove();
  notice?.firstElementChild.setAttribute("data-unreachable", "");
  if (notice) place.prepend(notice);
});
