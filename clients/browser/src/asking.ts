/** What a form asks and tells above itself, and which document it goes on with. */

import { Problem, type OpenDocument, type OpenOptions, type Server } from "./index.js";

/** The app of the documents of a form. */
export const appOf = (name: string): string => `form:${name}`.slice(0, 100);

/** A form of the page. */
export interface Subject {
  readonly form: HTMLFormElement;
  readonly name: string;
  readonly server: Server;
}

const RETRY_MS = 5_000;
/** Of an id that is none, another person's, unknown or deleted. */
const GONE = [400, 403, 404, 410];
/** Texts of the notices. */
export const texts = {
  kept: "We kept what you typed on {when}.",
  which: "Which one do you want to go on with?",
  draft: "{title}, saved {when} on {device}",
  another: "A new one",
  restore: "Restore",
  discard: "Discard",
  gone: "What the address of this page names is not there, or is not yours. This is a new one.",
  failed: "What you type is not kept yet: {why}",
};

/** Opens what the form goes on with, or a new document. Tells why that is not possible yet, and tries again.
 *
 * Returns undefined if the form has left the page.
 */
export async function open(
  subject: Subject,
  options: OpenOptions,
  isNew: boolean,
  signal: AbortSignal,
): Promise<OpenDocument | undefined> {
  const { form, server } = subject;
  let id = isNew ? "" : undefined;
  let note: Element | undefined;
  while (!signal.aborted) {
    try {
      id ??= (await choose(subject, signal)) ?? "";
      const doc = await server.open(id ? { ...options, id } : options);
      note?.remove();
      if (!signal.aborted) return doc;
      void doc.close();
    } catch (error) {
      const isProblem = error instanceof Problem;
      const why = (error as Error).message;
      if (id && (!isProblem || GONE.includes(error.status))) {
        id = "";
        ask(form, isProblem ? texts.gone : why, [], signal);
        continue;
      }
      note ??= ask(form, texts.failed.replace("{why}", why), [], signal);
      await aWhile(signal);
    }
  }
  return;
}

/** Waits until another try may help, or the form has left the page. */
async function aWhile(signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  await new Promise((done) => {
    setTimeout(done, RETRY_MS);
    addEventListener("online", done, { signal: over.signal });
    signal.addEventListener("abort", done, { signal: over.signal });
  });
  over.abort();
}

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
async function choose(
  { form, server, name }: Subject,
  signal: AbortSignal,
): Promise<string | undefined> {
  const address = "savepointAddress" in form.dataset ? location.hash.slice(1) : "";
  if (address) return address === "new" ? undefined : address;
  const found = await left(server, name);
  if (found.length < 2 || !("savepointPick" in form.dataset)) return found[0]?.id;
  return new Promise((pick) => {
    const choices = found.map(({ id, title, at, device }): Choice => {
      const values: Record<string, string> = { title, when: ago(at), device };
      return [texts.draft.replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? ""), () => pick(id)];
    });
    ask(form, texts.which, [...choices, [texts.another, () => pick(undefined)]], signal);
  });
}

/** Returns what is kept of this form, the newest first: on this device, and the drafts of the server. */
async function left(server: Server, name: string): Promise<Left[]> {
  const [kept, drafts] = await Promise.all([
    server.recoverable().then((all) => all.filter(({ aside }) => !aside)),
    server.drafts.list({ app: appOf(name) }).then(
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
  const { id } = newest;
  await Promise.all(kept.filter((entry) => entry.id === id).map((entry) => server.setAside(entry)));
  if (drafts.some((one) => one.id === id)) await server.drafts.remove(id);
  document.cookie = "savepoint-done=; path=/; max-age=0"; // not before, so that another try goes on
  return all.slice(1);
}

export type Choice = [label: string, act: () => void];

/** Asks above the form. Until there is an answer, nothing is filled in, and nothing is given up. */
export function ask(form: HTMLFormElement, question: string, choices: readonly Choice[], signal: AbortSignal): Element {
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
  signal.addEventListener("abort", () => bar.remove());
  return bar;
}

