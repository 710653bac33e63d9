/** Plain forms that lose nothing: `<form data-savepoint="name">` is all there is to write.
 *
 * Loading this module is enough. Forms that are added later are found, too. See docs/forms.md.
 */

import { connect, type ConnectOptions, type OpenDocument } from "./index.js";
import { appOf, ask, open, texts, type Choice, type Subject } from "./asking.js";
import { fieldsOf, fillIn, valueOf, withoutSecrets, type Values } from "./fields.js";

export { texts };

/** What is kept of a form: what the person filled in, and what the server had filled in before. */
interface Kept {
  format: 1;
  before: Values;
  values: Values;
}

/** What a form has as `form.savepoint`, after the event `savepoint-ready`. */
export interface KeptForm {
  readonly doc: OpenDocument;
  /** Says that the form has arrived where it should: what is kept of it goes to the trash,
   * and the form is kept anew. */
  done(): Promise<void>;
  /** Keeps it under a title, as a session. */
  lock(title?: string): Promise<boolean>;
}

const LOOK_MS = 1_000;
/** Options of `connect` besides `app`. A page that imports this module can set them, and texts, before its first task ends. */
export const options: Partial<ConnectOptions> = {};

/** The forms of the page, and how each is let go. */
const known = new Map<HTMLFormElement, () => void>();
const { baseUrl = new URL("../persistence", import.meta.url).href } = document.documentElement.dataset;

const snapshot = (form: HTMLFormElement): Values =>
  Object.fromEntries([...fieldsOf(form)].map(([key, field]) => [key, valueOf(field)]));
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
const parse = (text: string): Kept => {
  const found = JSON.parse(text) as Kept;
  if (found.format !== 1) throw new Error("The form was kept by a newer version.");
  return found;
};

/** What a form shows. `shown` is what it held when nobody had typed yet. */
function createScreen(form: HTMLFormElement, before: Values, shown: Values) {
  const first = { ...shown };
  /** What is kept of fields that are not in the form yet. */
  let waiting: Values = {};
  /** What a person chooses among radio buttons is one thing. */
  const partOf = (key: string): string => key.replace(/:radio:.*/, ":radio");
  const typed = (): Set<string> => {
    const now = Object.entries(snapshot(form));
    return new Set(now.filter(([key, value]) => key in first && !same(first[key], value)).map(([key]) => partOf(key)));
  };
  const place = (except?: Set<string>): void => {
    for (const [key, field] of fieldsOf(form)) {
      if (!(key in waiting)) continue;
      const value = waiting[key];
      delete waiting[key];
      if (!except?.has(partOf(key))) fillIn(field, value);
    }
  };
  return {
    typed,
    place,
    /** Takes note of fields that come before the form is kept. */
    meet: () => void Object.assign(first, { ...snapshot(form), ...first }),
    isUntouched: () => same(snapshot(form), before),
    serialize: (): string =>
      JSON.stringify({
        format: 1,
        before: withoutSecrets(form, before),
        values: { ...withoutSecrets(form, waiting), ...snapshot(form) },
      } satisfies Kept),
    apply(text: string, except?: Set<string>): void {
      waiting = { ...parse(text).values };
      place(except);
    },
  };
}
type Screen = ReturnType<typeof createScreen>;

/** Keeps a form from now on. `shown` is what it held before anybody typed. */
async function keep(one: Subject, before: Values, shown = before, isNew = false): Promise<void> {
  const { form } = one;
  const over = new AbortController();
  const { signal } = over;
  const screen = createScreen(form, before, shown);
  let doc: OpenDocument | undefined;
  known.set(form, () => {
    over.abort();
    void doc?.close();
  });
  const atFirst = screen.serialize();
  /** What the document has, and what is on the screen. Until the form is filled, these are two things. */
  let text = "";
  let watched: (() => string) | undefined;
  const coming = new MutationObserver(screen.meet);
  coming.observe(form, { childList: true, subtree: true });
  const options = {
    title: titleOf(form),
    serialize: () => watched?.() ?? (text || atFirst),
    apply(found: string) {
      if (watched) return screen.apply(found);
      parse(found);
      text = found;
    },
  };
  doc = await open(one, options, isNew, signal);
  if (!doc) return;
  const opened = doc;
  const begin = (isFilled: boolean, isAsked: boolean): void => {
    coming.disconnect();
    const typed = screen.typed();
    if (isFilled) screen.apply(text, typed);
    watched = watch(form, opened, screen, signal);
    if (typed.size || isAsked) opened.changed();
  };
  const done = async (): Promise<void> => {
    const sent = snapshot(form);
    await opened.discard();
    over.abort();
    if ("savepointAddress" in form.dataset) history.replaceState(history.state, "", "#new");
    if (form.isConnected) await keep(one, before, sent, true);
  };
  const kept: KeptForm = { doc, done, lock: (title) => lock(form, opened, title) };
  Object.assign(form, { savepoint: kept });
  if (!text || mayFill(form, parse(text), before)) begin(!!text, false);
  else {
    const when = new Date(doc.state.recovered ?? doc.state.savedAt ?? Date.now()).toLocaleString();
    const choices: Choice[] = [
      [texts.restore, () => begin(true, true)],
      [texts.discard, () => begin(false, true)],
    ];
    ask(form, texts.kept.replace("{when}", when), choices, signal);
  }
  show(one, doc, signal);
}

/** Tells the page about the document of a form. */
function show({ form, name, server }: Subject, doc: OpenDocument, signal: AbortSignal): void {
  let title = "";
  doc.subscribe(({ id, version, dirty, draft }) => {
    if (signal.aborted) return;
    if ("savepointAddress" in form.dataset && (version || dirty)) history.replaceState(history.state, "", `#${id}`);
    // A draft is called as its form says. What is locked keeps its title.
    if (draft && title !== (title = titleOf(form)) && title !== doc.state.title) void doc.rename(title);
  });
  form.dispatchEvent(new Event("savepoint-ready", { bubbles: true }));
  for (const light of document.querySelectorAll<HTMLElement>(`[data-savepoint-of="${CSS.escape(name)}"]`)) {
    Object.assign(light, { doc, server });
  }
}

/** Nothing is filled in unasked where the server has other values than when the person typed. */
const mayFill = (form: HTMLFormElement, { before, values }: Kept, now: Values): boolean =>
  [before, values].some((one) => same(withoutSecrets(form, one), withoutSecrets(form, now)));

/** Tells the document of each change. Returns what the form holds, or held when it left the page. */
function watch(form: HTMLFormElement, doc: OpenDocument, screen: Screen, signal: AbortSignal): () => string {
  let shown = screen.serialize();
  /** Also finds what a script has set, which no event tells. */
  const look = (): void => {
    if (signal.aborted || !form.isConnected) return;
    const now = screen.serialize();
    if (now === shown) return;
    shown = now;
    const { version, dirty } = doc.state;
    // A form that was sent and then cleared is no new draft.
    if (version || dirty || !screen.isUntouched()) doc.changed();
  };
  for (const type of ["input", "change", "reset", "submit"]) {
    form.addEventListener(type, () => queueMicrotask(look), { signal });
  }
  document.addEventListener("visibilitychange", look, { signal });
  addEventListener("pagehide", look, { capture: true, signal });
  const coming = new MutationObserver(() => screen.place());
  coming.observe(form, { childList: true, subtree: true });
  const timer = setInterval(look, LOOK_MS);
  signal.addEventListener("abort", () => {
    coming.disconnect();
    clearInterval(timer);
  });
  for (const button of form.querySelectorAll("[data-savepoint-lock]")) {
    button.addEventListener("click", () => void lock(form, doc), { signal });
  }
  return () => (form.isConnected ? screen.serialize() : shown);
}

function titleOf(form: HTMLFormElement): string {
  const field = form.elements.namedItem(form.dataset.savepointTitle ?? "") as HTMLInputElement | null;
  return field?.value.trim() || form.getAttribute("aria-label") || "Untitled";
}

async function lock(form: HTMLFormElement, doc: OpenDocument, title = titleOf(form)): Promise<boolean> {
  const state = await doc.save({ title });
  form.dispatchEvent(new CustomEvent("savepoint-locked", { bubbles: true, detail: state }));
  return !state.dirty;
}

function find(): void {
  for (const [form, leave] of known) {
    if (form.isConnected) continue;
    known.delete(form);
    leave();
  }
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-savepoint]")) {
    if (known.has(form)) continue;
    const name = form.dataset.savepoint || form.id || location.pathname;
    const server = connect({ baseUrl, ...options, app: appOf(name) });
    keep({ form, name, server }, snapshot(form)).catch((error) => reportError(error));
  }
}

queueMicrotask(find);
new MutationObserver(find).observe(document, { childList: true, subtree: true });
