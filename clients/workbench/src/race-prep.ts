/** An example app: a form whose set-up is a draft from the first letter on, until it is locked. */

import "@savepoint/client/elements";
import type { OpenDocument } from "@savepoint/client";
import { element, find, make, server as serverOf, showPerson, words } from "./page.js";

const server = serverOf("race-prep");
const form = find<HTMLFormElement>("#form");
const locked = find("#locked");

interface Draft {
  id: string;
  title: string;
  at: string | number;
  device: string | undefined;
}

const serialize = (): string => JSON.stringify(Object.fromEntries(new FormData(form)));

function apply(text: string): void {
  const fields = JSON.parse(text) as Record<string, string>;
  for (const [name, value] of Object.entries(fields)) {
    const field = form.elements.namedItem(name) as HTMLInputElement | null;
    if (field) field.value = value;
  }
}

const titleOf = (): string => String(new FormData(form).get("track")).trim() || "Untitled";

async function open(id?: string): Promise<void> {
  find("#picker").hidden = true;
  const doc = await server.open({ ...(id ? { id } : {}), title: "Untitled", serialize, apply });
  form.oninput = () => doc.changed();
  form.onchange = () => {
    if (doc.state.draft !== false && doc.state.title !== titleOf()) void doc.rename(titleOf());
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    void lock(doc);
  };
  const light = element("savepoint-status", { doc });
  const dialogs = ["conflict", "recovery", "oversize"].map((name) => element(`savepoint-${name}`, { doc, server }));
  find("#light").replaceChildren(light, ...dialogs);
  doc.subscribe((state) => {
    document.title = `${state.dirty ? "• " : ""}${state.title || "Race prep"}`;
    // From the first save on, a reload comes back to it.
    if (state.version || state.dirty) history.replaceState(null, "", `?#${state.id}`);
    if (state.draft === false) locked.textContent = `Locked: version ${state.version} of “${state.title}”.`;
  });
}

/** Locking makes a session of the draft, under the same id. It can still be edited. */
async function lock(doc: OpenDocument): Promise<void> {
  const state = await doc.save({ title: titleOf() });
  if (state.dirty) locked.textContent = "Not locked yet: it is kept on this device, and locked as soon as possible.";
}

/** Returns what was left open: drafts of the server, and what never reached it. */
async function left(): Promise<Draft[]> {
  const [drafts, kept] = await Promise.all([
    server.drafts.list({ app: "race-prep", page_size: 20 }).then(({ items }) => items, () => []),
    server.recoverable(),
  ]);
  const found = new Map<string, Draft>();
  for (const { id, title, updatedAt, deviceInfo } of drafts) {
    found.set(id, { id, title, at: updatedAt, device: deviceInfo ?? undefined });
  }
  for (const { id, title, at, aside } of kept) {
    if (!aside && !found.has(id)) found.set(id, { id, title, at, device: undefined });
  }
  return [...found.values()];
}

function pick(drafts: readonly Draft[]): void {
  const picker = find("#picker");
  const rows = drafts.map(({ id, title, at, device }) => {
    const button = make("button", {}, `${title || "Untitled"}, saved `, element("savepoint-time", { at }), device ? ` on ${device}` : "");
    button.addEventListener("click", () => void open(id).catch(fail));
    return make("li", {}, button);
  });
  const fresh = make("button", { textContent: "Begin a new set-up" });
  fresh.addEventListener("click", () => void open().catch(fail));
  picker.replaceChildren(
    make("h2", { textContent: "Which set-up do you want to go on with?" }),
    make("ul", { className: "stack plain" }, ...rows),
    make("div", {}, fresh),
  );
  picker.hidden = false;
}

const fail = (error: unknown): void => {
  locked.textContent = `This could not be opened: ${words(error)}`;
};

async function start(): Promise<void> {
  const id = location.hash.slice(1);
  if (id) return open(id);
  const drafts = new URLSearchParams(location.search).has("new") ? [] : await left();
  if (drafts.length > 1) pick(drafts);
  else await open(drafts[0]?.id);
}

void showPerson();
start().catch(fail);
