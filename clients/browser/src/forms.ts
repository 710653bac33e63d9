/** Plain forms that lose nothing: `<form data-savepoint="name">` is all there is to write.
 *
 * Loading this module is enough. Forms that are added later are found, too. See docs/forms.md.
 */

import { connect, type ConnectOptions, type OpenDocument, type Server } from "./index.js";
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
/** Texts of the notices. */
export const texts = {
  kept: "We kept what you typed on {when}.",
  which: "Which one do you want to go on with?",
  draft: "{title}, saved {when} on {device}",
  another: "A new one",
  restore: "Restore",
  discard: "Discard",
};

/** Options of `connect` besides `app`. A page that imports this module can set them, and texts, before its first task ends. */
export const options: Partial<ConnectOptions> = {};

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
  const server = connect({ baseUrl, ...options, app: `form:${name}`.slice(0, 100) });
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
  const id = await choose(form, server, name);
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
    const when = new Date(doc.state.recovered ?? doc.state.savedAt ?? Date.now()).toLocaleString();
    const discard = (): void => {
      text = "";
      begin();
    };
    ask(form, texts.kept.replace("{when}", when), [
      [texts.restore, begin],
      [texts.discard, discard],
    ]);
  }
  let title = "";
  doc.subscribe(({ id, version, dirty, draft }) => {
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
const mayFill = ({ before, values }: Kept, now: Values): boolean => same(before, now) || same(values, now);

function ago(at: string | number): string {
  const minutes = Math.round((Date.now() - +new Date(at)) / 60_000);
  const [count, unit] =
    minutes < 60 ? [minutes, "minute" as const] : minutes < 1440 ? [minutes / 60, "hour" as const] : [minutes / 1440, "day" as const];
  const language = document.documentElement.lang || undefined;
  return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-Math.round(count), unit);
}

interface Left {
  id: string;
  title: string;
  at: string | number;
  device: string;
}

/** Returns the id of what the form goes on with: that in the address, what the person picks, or the newest. */
async function choose(form: HTMLFormElement, server: Server, name: string): Promise<string | undefined> {
  const address = "savepointAddress" in form.dataset ? location.hash.slice(1) : "";
  if (address) return address === "new" ? undefined : address;
  const found = await left(server, name);
  if (found.length < 2 || !("savepointPick" in form.dataset)) return found[0]?.id;
  return new Promise((pick) => {
    const choices = found.map(({ id, title, at, device }): Choice => {
      const values: Record<string, string> = { title, when: ago(at), device };
      return [texts.draft.replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? ""), () => pick(id)];
    });
    ask(form, texts.which, [...choices, [texts.another, () => pick(undefined)]]);
  });
}

/** Returns what is kept of this form, the newest first: on this device, and the drafts of the server. */
async function left(server: Server, name: string): Promise<Left[]> {
  const [kept, drafts] = await Promise.all([
    server.recoverable().then((all) => all.filter(({ aside }) => !aside)),
    server.drafts.list({ app: `form:${name}`.slice(0, 100) }).then(
      ({ items }) => items,
      () => [], // nobody is signed in, or there is no connection
    ),
  ]);
  const found = new Map<string, Left>();
  for (const { id, title, at } of kept) found.set(id, { id, title, at, device: "this device" });
  for (const { id, title, updatedAt: at, deviceInfo } of drafts) {
    if (!found.has(id)) found.set(id, { id, title, at, device: deviceInfo ?? "?" });
  }
  const all = [...found.values()].sort((one, other) => +new Date(other.at) - +new Date(one.at));
  const [newest] = all;
  if (!newest || !document.cookie.split("; ").includes(`savepoint-done=${encodeURIComponent(name)}`)) return all;
  // The server says that the form has arrived.
  document.cookie = "savepoint-done=; path=/; max-age=0";
  const { id } = newest;
  await Promise.all(kept.filter((entry) => entry.id === id).map((entry) => server.setAside(entry)));
  if (drafts.some((one) => one.id === id)) await server.drafts.remove(id);
  return all.slice(1);
}

function watch(form: HTMLFormElement, doc: OpenDocument, serialize: () => string, place: () => void): void {
  let shown = serialize();
  /** Also finds what a script has set, which no event tells. */
  const look = (): void => {
    const now = serialize();
    if (now === shown) return;
    shown = now;
    doc.changed();
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

type Choice = [label: string, act: () => void];

/** Asks above the form. Until there is an answer, nothing is filled in, and nothing is given up. */
function ask(form: HTMLFormElement, question: string, choices: readonly Choice[]): void {
  const bar = document.createElement("p");
  bar.setAttribute("role", "status");
  bar.className = "savepoint-kept";
  bar.append(question);
  for (const [label, act] of choices) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.onclick = () => {
      bar.remove();
      act();
    };
    bar.append(" ", button);
  }
  form.before(bar);
}

function find(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-savepoint]")) {
    if (known.has(form)) continue;
    known.add(form);
    keep(form).catch((error) => reportError(error));
  }
}

queueMicrotask(find);
new MutationObserver(find).observe(document, { childList: true, subtree: true });
