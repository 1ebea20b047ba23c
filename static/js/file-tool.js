// <file-tool>: encrypts and decrypts a file here. Only its data key travels.
import * as envelope from "./envelope.js";
import { Unsaved, direct, saveAs } from "./save-target.js";

const language = document.documentElement.lang || undefined;
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
const REPAINT_MS = 100;
const UNOPENED = "InvalidParameterValue.InvalidCiphertext";

function sized(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const unitDisplay = step ? "short" : "long";
  const form = { style: "unit", unit: UNITS[step], unitDisplay, maximumFractionDigits: step ? 1 : 0 };
  return new Intl.NumberFormat(language, form).format(bytes / 1000 ** step);
}

const sealedName = (name) => `${name}.enc`;
function openedName(name) {
  const shorter = name.replace(/\.(enc|kms)$/i, "");
  return shorter && shorter !== name ? shorter : `${name}.decrypted`;
}

// Why the service gave no data key; `why` is one of the page's [data-why].
class Refusal extends Error {
  constructor(why, { words = "", code = "", request = "", parameter = "" } = {}) {
    super(code || why);
    Object.assign(this, { why, words, code, request, parameter });
  }
}

class FileTool extends HTMLElement {
  connectedCallback() {
    if (!window.isSecureContext || !crypto.subtle) {
      this.querySelector("[data-insecure]").hidden = false;
      return;
    }
    this.form = this.querySelector("form");
    this.file = this.querySelector("#file");
    this.heading = this.querySelector("#result-title");
    this.querySelector("[data-ready]").hidden = false;
    this.querySelector(direct() ? "[data-direct]" : "[data-collected]").hidden = false;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.working) this.run();
    });
    this.form.addEventListener("change", (event) => {
      if (event.target.name === "mode") this.follow();
      if (event.target === this.file) this.problem("file", "");
    });
    this.form.addEventListener("input", () => this.problem("context", ""));
    this.querySelector("[data-cancel]").addEventListener("click", () => this.working?.abort());
    this.keepOpen = (event) => { if (this.working) event.preventDefault(); };
    addEventListener("beforeunload", this.keepOpen);
    // What was typed may still stand here after "back", a choice of mode too.
    this.follow();
  }

  disconnectedCallback() {
    removeEventListener("beforeunload", this.keepOpen);
    this.working?.abort();
    this.forget();
  }

  get mode() {
    return this.form.elements.namedItem("mode").value;
  }

  follow() {
    for (const part of this.querySelectorAll("[data-mode]")) part.hidden = part.dataset.mode !== this.mode;
    this.problem("file", "");
    this.problem("context", "");
    this.forget();
    this.stage("idle");
  }

  async run() {
    const file = this.file.files[0];
    this.problem("context", "");
    if (!file) {
      this.problem("file", this.dataset.none);
      return;
    }
    this.problem("file", "");
    this.forget();
    const mode = this.mode;
    const body = new URLSearchParams(new FormData(this.form));
    this.working = new AbortController();
    this.begin(mode, file);
    let end;
    try {
      const outcome = await this.work(mode, file, body, this.working.signal);
      end = () => this.done(mode, file, outcome);
    } catch (error) {
      end = () => this.explain(error);
    }
    this.working = null;
    this.enable(true);
    end();
  }

  async work(mode, file, body, signal) {
    const opened = mode === "decrypt" ? await envelope.read(file) : null;
    if (opened) body.set("CiphertextBlob", opened.ciphertextBlob);
    const answer = await this.dataKey(body, signal);
    const key = await envelope.importKey(answer.Plaintext, mode);
    delete answer.Plaintext;
    // Asked only now: a refusal must not have emptied the file that was chosen.
    const target = await saveAs(opened ? openedName(file.name) : sealedName(file.name));
    try {
      const pieces = opened
        ? envelope.decrypt(opened, key)
        : envelope.encrypt(file, key, answer.CiphertextBlob);
      let size = 0;
      for await (const piece of pieces) {
        signal.throwIfAborted();
        await target.write(piece);
        size += piece.length;
        this.progress(Math.min(size, file.size), file.size);
      }
      signal.throwIfAborted();
      return { blob: await target.close(), name: target.name, size, answer };
    } catch (error) {
      await target.discard();
      throw error;
    }
  }

  async dataKey(body, signal) {
    const token = body.get("csrfmiddlewaretoken");
    body.delete("csrfmiddlewaretoken");
    const headers = { "X-CSRFToken": token, Accept: "application/json" };
    const options = { method: "POST", body, headers, signal, redirect: "manual", credentials: "same-origin", cache: "no-store" };
    let response;
    try {
      response = await fetch(this.form.action, options);
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Refusal("unreachable");
    }
    if (response.type === "opaqueredirect") throw new Refusal("signed-out");
    const answer = await response.json().catch(() => null);
    if (response.ok && answer?.Plaintext) return answer;
    const request = response.headers.get("X-Request-ID") ?? "";
    if (!answer?.Error) throw new Refusal("unexpected", { request });
    const { Code: code, Message: words, Parameter: parameter } = answer.Error;
    throw new Refusal(code === UNOPENED ? "unopened" : "server", { code, words, parameter, request });
  }

  begin(mode, file) {
    this.enable(false);
    const words = mode === "decrypt" ? this.dataset.decrypting : this.dataset.encrypting;
    this.querySelector("[data-step]").textContent = words.replace("{name}", () => file.name);
    this.painted = 0;
    this.quarter = 0;
    this.progress(0, file.size);
    this.stage("working");
    this.heading.focus();
    this.say(this.dataset.started);
  }

  progress(done, all) {
    const share = all ? done / all : 0;
    // Often enough for eyes; for ears each quarter once.
    if (performance.now() - this.painted > REPAINT_MS) {
      this.painted = performance.now();
      this.querySelector("progress").value = share;
      const words = this.dataset.amount.replace("{done}", sized(done)).replace("{all}", sized(all));
      this.querySelector("[data-progress]").textContent = words;
    }
    const quarter = Math.floor(share * 4);
    if (quarter > this.quarter && quarter < 4) {
      this.say(new Intl.NumberFormat(language, { style: "percent" }).format(quarter / 4));
    }
    this.quarter = Math.max(quarter, this.quarter);
  }

  done(mode, file, { blob, name, size, answer }) {
    this.stage(`${mode}-done`);
    const place = this.querySelector(`[data-stage="${mode}-done"]`);
    const fact = (what) => place.querySelector(`[data-fact="${what}"]`);
    fact("name").textContent = name;
    fact("size").textContent = sized(size);
    fact("request").textContent = answer.RequestId;
    fact("key").textContent = answer.KeyId;
    fact("key").href = `${this.dataset.keys}${answer.KeyId}/`;
    place.querySelector("[data-other]").hidden = answer.KeyId === this.dataset.key;
    place.querySelector("[data-save]").hidden = !blob;
    if (blob) {
      this.address = URL.createObjectURL(blob);
      const link = place.querySelector("[data-link]");
      Object.assign(link, { href: this.address, download: name });
      link.click();
    }
    this.heading.focus();
    this.say("");
  }

  explain(error) {
    const { name } = error;
    if (name === "AbortError") {
      this.stage("idle");
      this.say(this.dataset.cancelled);
      this.form.querySelector("[type=submit]").focus();
    } else if (error instanceof envelope.EnvelopeRefused && error.foreign) {
      this.problem("file", this.dataset.foreign);
    } else if (name === "NotReadableError" || name === "NotFoundError") {
      this.problem("file", this.dataset.unread);
    } else if (error.parameter === "EncryptionContext") {
      this.problem("context", error.words);
    } else {
      this.refuse(error);
    }
  }

  refuse(error) {
    let why = "failed";
    if (error instanceof envelope.EnvelopeRefused) why = "damaged";
    else if (error instanceof Unsaved) why = "unsaved";
    else if (error instanceof Refusal) ({ why } = error);
    const place = this.querySelector("[data-stage=refused]");
    for (const part of place.querySelectorAll("[data-why]")) part.hidden = part.dataset.why !== why;
    place.querySelector("[data-why=server]").textContent = error.words ?? "";
    const request = place.querySelector("[data-request]");
    request.hidden = !error.request;
    request.querySelector("[data-code]").textContent = error.code ? `${error.code} · ` : "";
    request.querySelector("[data-number]").textContent = error.request ?? "";
    this.stage("refused");
    this.heading.focus();
  }

  // Shows words at the field they are about; none takes them away.
  problem(about, words) {
    const place = this.querySelector(`[data-problem="${about}"]`);
    place.hidden = !words;
    place.querySelector("[data-words]").textContent = words;
    const disclosure = this.querySelector("[data-context]");
    if (words && about === "context") disclosure.open = true;
    const fields = about === "context" ? disclosure.querySelectorAll(".control") : [this.file];
    for (const field of fields) {
      if (words) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
    if (!words) return;
    this.stage("idle");
    [...fields].find((field) => field.checkVisibility())?.focus();
  }

  stage(name) {
    for (const part of this.querySelectorAll("[data-stage]")) {
      part.hidden = part.dataset.stage !== name;
      if (!part.hidden) this.heading.textContent = part.dataset.title;
    }
  }

  enable(able) {
    for (const control of this.form.elements) control.disabled = !able;
  }

  say(words) {
    document.getElementById("announcer").textContent = words;
  }

  // A result that was kept for saving is gone with the next one, and with the page.
  forget() {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
  }
}
customElements.define("file-tool", FileTool);
