/** Plain forms that lose nothing: `<form data-savepoint="name">` is all there is to write.
 *
 * Loading this module is enough. Forms that are added later are found, too. See docs/forms.md.
 */

import { connect, type OpenDocument, type Server } from "./index.js";
import { fieldsOf, fillIn, valueOf, type Values } from "./fields.js";

/** What is kept of a form: what the person filled in, and what the server had filled in before. */
interface Kept {
  format: 1;
  before: Values;
  values: Values;
}

/** What a form has as `form.savepoint`, after the event `savepoint-ready`. */
export interface KeptForm {
  readonly doc: OpenDocument;
  /** Says that the form has arrived where it should: what is kept of it goes to the trash. */
  done(): Promise<void>;
  /** Keeps it under a title, as a session. */
  lock(title?: string): Promise<boolean>;
}

const LOOK_MS = 1_000;
const TEXTS = {
  kept: "We kept what you typed on {when}.",
  restore: "Restore",
  discard: "Discard",
};

/** Texts of the notice. A page can replace them before its forms are there. */
export const texts = TEXTS;

const known = new WeakSet<HTMLFormElement>();
const { baseUrl = new URL("../persistence", import.meta.url).href } = document.documentElement.dataset;

const snapshot = (form: HTMLFormElement): Values =>
  Object.fromEntries([...fieldsOf(form)].map(([key, field]) => [key, valueOf(field)]));
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
const parse = (text: string): Kept => {
  const found = JSON.parse(text) as Kept;
  if (found.format !== 1) throw new Error("The form was kept by a newer version.");
  return found;
};

async function keep(form: HTMLFormElement): Promise<void> {
  const name = form.dataset.savepoint || form.id || location.pathname;
  const server = connect({ baseUrl, app: `form:${name}`.slice(0, 100) });
  const before = snapshot(form);
  /** What is kept of fields that are not in the form yet. */
  let waiting: Values = {};
  const serialize = (): string =>
    JSON.stringify({ format: 1, before, values: { ...waiting, ...snapshot(form) } } satisfies Kept);
  const place = (): void => {
    for (const [key, field] of fieldsOf(form)) {
      if (!(key in waiting)) continue;
      const value = waiting[key];
      delete waiting[key];
      fillIn(field, value);
    }
  };
  const apply = (text: string): void => {
    waiting = { ...parse(text).values };
    place();
  };
  const id = await left(server, name);
  let text = "";
  const doc = await server.open({
    ...(id ? { id } : {}),
    title: titleOf(form),
    serialize: () => text || serialize(),
    apply: (found) => (text ? apply(found) : (text = found)),
  });
  const begin = (): void => {
    const found = text;
    text = "";
    if (found) apply(found);
    watch(form, doc, serialize, place);
  };
  const kept: KeptForm = { doc, done: () => doc.discard(), lock: (title) => lock(form, doc, title) };
  Object.assign(form, { savepoint: kept });
  if (!text || mayFill(parse(text), before)) begin();
  else {
    offer(form, doc, begin, () => {
      text = "";
      begin();
    });
  }
  form.dispatchEvent(new Event("savepoint-ready", { bubbles: true }));
  for (const light of document.querySelectorAll<HTMLElement>(`[data-savepoint-of="${CSS.escape(name)}"]`)) {
    Object.assign(light, { doc, server });
  }
}

/** Nothing is filled in unasked where the server has other values than when the person typed. */
const mayFill = ({ before, values }: Kept, now: Values): boolean => same(before, now) || same(values, now);

/** Returns the id of what is kept of this form: on this device, else the newest draft. */
async function left(server: Server, name: string): Promise<string | undefined> {
  const cookie = `savepoint-done=${encodeURIComponent(name)}`;
  const [kept, drafts] = await Promise.all([
    server.recoverable(),
    server.drafts.list({ app: `form:${name}`.slice(0, 100), page_size: 1 }).then(
      ({ items }) => items,
      () => [], // nobody is signed in, or there is no connection
    ),
  ]);
  const id = kept.filter(({ aside }) => !aside).sort((one, other) => other.at - one.at)[0]?.id ?? drafts[0]?.id;
  if (!id || !document.cookie.split("; ").includes(cookie)) return id;
  // The server says that the form has arrived.
  document.cookie = "savepoint-done=; path=/; max-age=0";
  await Promise.all(kept.filter((entry) => entry.id === id).map((entry) => server.setAside(entry)));
  if (drafts[0]) await server.drafts.remove(drafts[0].id);
  return undefined;
}

function watch(form: HTMLFormElement, doc: OpenDocument, serialize: () => string, place: () => void): void {
  let shown = serialize();
  /** Also finds what a script has set, which no event tells. */
  const look = (): void => {
    const now = serialize();
    if (now === shown) return;
    shown = now;
    doc.changed();
    const title = titleOf(form);
    if (doc.state.draft !== false && doc.state.version && doc.state.title !== title) void doc.rename(title);
  };
  for (const type of ["input", "change", "reset", "submit"]) form.addEventListener(type, () => queueMicrotask(look));
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", look, true);
  new MutationObserver(place).observe(form, { childList: true, subtree: true });
  setInterval(look, LOOK_MS);
  for (const button of form.querySelectorAll("[data-savepoint-lock]")) {
    button.addEventListener("click", () => void lock(form, doc));
  }
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

/** Asks above the form. Until then nothing is filled in, and nothing of it is given up. */
function offer(form: HTMLFormElement, doc: OpenDocument, restore: () => void, begin: () => void): void {
  const bar = document.createElement("p");
  bar.setAttribute("role", "status");
  bar.className = "savepoint-kept";
  const button = (label: string, act: () => void): HTMLButtonElement => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    made.onclick = () => {
      bar.remove();
      act();
    };
    return made;
  };
  const when = new Date(doc.state.recovered ?? doc.state.savedAt ?? Date.now()).toLocaleString();
  bar.append(texts.kept.replace("{when}", when), " ", button(texts.restore, restore), " ", button(texts.discard, begin));
  form.before(bar);
}

function find(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-savepoint]")) {
    if (known.has(form)) continue;
    known.add(form);
    keep(form).catch((error) => reportError(error));
  }
}

find();
new MutationObserver(find).observe(document, { childList: true, subtree: true });
