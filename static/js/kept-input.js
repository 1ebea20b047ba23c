// Input survives a lost session: forms marked data-keep are noted in this tab when they
// are sent. Where the answer is a sign-in page or a stale form's refusal, the same form
// gets its fields back once the person is there again. Passwords, files and fields marked
// data-forget are never noted, hidden ones only with data-keep, and no form without it.
// What one person typed is given back to nobody else, and to nobody after signing out.
const STORE = "kmsconsole.kept";
const MINUTES = 15;

const person = document.getElementById("main")?.dataset.person;

const NEVER = ["password", "file", "submit", "button", "fieldset", "output"];
const fieldsOf = (form) => [...form.elements].filter((field) => field.name
  && !NEVER.includes(field.type)
  && !("forget" in field.dataset)
  && (field.type !== "hidden" || "keep" in field.dataset));
const named = (form, name) => fieldsOf(form).filter((field) => field.name === name);

function note(form) {
  const values = fieldsOf(form).map((field) => [
    field.name, ["checkbox", "radio"].includes(field.type) ? field.checked : field.value,
  ]);
  write({ path: new URL(form.action).pathname, at: Date.now(), person, values, lost: false });
}

function write(kept) {
  try {
    if (kept) sessionStorage.setItem(STORE, JSON.stringify(kept));
    else sessionStorage.removeItem(STORE);
  } catch {
    // Without storage the input is lost, as it always was.
  }
}

function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(STORE));
    if (kept && Date.now() - kept.at < MINUTES * 60_000) return kept;
    write(null);
    return null;
  } catch {
    return null;
  }
}

function lose() {
  const kept = read();
  if (kept) write({ ...kept, lost: true });
}

function restore(form, values) {
  const seen = new Map();
  for (const [name, value] of values) {
    const index = seen.get(name) ?? 0;
    seen.set(name, index + 1);
    if (!named(form, name)[index]) {
      named(form, name)[0]?.closest("context-editor, tag-rows")?.querySelector("[data-add]")?.click();
    }
    const field = named(form, name)[index];
    if (!field) continue;
    if (typeof value === "boolean") field.checked = value;
    else field.value = value;
    const folded = field.closest("details");
    if (folded && value) folded.open = true;
  }
  // A row that was taken away stays away.
  for (const [name, count] of seen) {
    for (const field of named(form, name).slice(count)) field.value = "";
  }
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

addEventListener("submit", (event) => {
  if (event.target.matches("form[data-keep]")) note(event.target);
  else if (event.target.matches("form[data-signs-out]")) write(null);
}, { capture: true });

// A whole page where a part was asked for: signed out, or the form was stale.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (/^\s*<!doctype/i.test(event.detail.serverResponse ?? "")) lose();
});

const kept = read();
if (document.querySelector(".entrance, [data-stale-form]")) {
  lose();
} else if (kept?.lost && kept.person === person) {
  const form = [...document.querySelectorAll("form[data-keep]")]
    .find((candidate) => new URL(candidate.action).pathname === kept.path);
  if (form) {
    restore(form, kept.values);
    const said = document.getElementById("input-kept")?.content.cloneNode(true);
    if (said) (form.querySelector(".body") ?? form).prepend(said);
  }
  write(null);
} else {
  write(null);
}
