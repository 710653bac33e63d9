/** How a document is opened: from the server, and from what an earlier page could not save. */

import type { Managed, OpenDocument } from "./document.js";
import { fromEntry, type Entry } from "./entry.js";
import { answerOf, Problem, type Http } from "./http.js";
import type { Journal } from "./journal.js";
import { start } from "./machine.js";
import type { Config, State } from "./model.js";
import { baseOf } from "./steps.js";
import type { OpenOptions } from "./types.js";

export interface Opening {
  http: Http;
  journal: Journal;
  app: string;
  newId(): string;
  /** Returns who is signed in, or was last. */
  owner(): Promise<string>;
  /** Returns whether the document that wrote an entry is closed. */
  orphans(): Promise<(instance: string) => boolean>;
  instance(): string;
  create(options: OpenOptions, owner: string, instance: string, initial: State): Managed;
}

export const configOf = (o: Partial<OpenOptions>): Config => ({
  journalAfter: o.journalAfter ?? 250,
  wait: o.wait ?? 2000,
  maxWait: o.maxWait ?? 30_000,
  poll: o.poll ?? 10_000,
  onConflict: o.onConflict ?? "ask",
});

export async function openDocument(by: Opening, o: OpenOptions): Promise<OpenDocument> {
  const { journal, http } = by;
  const id = o.id ?? by.newId();
  const instance = by.instance();
  const begin = (known: Partial<State>): State =>
    start(id, by.newId() + by.newId(), configOf(o), {
      visible: document.visibilityState !== "hidden",
      ...known,
    });
  const before = shown(o);
  const owner = await by.owner();
  if (!o.id) return opened(by.create(o, owner, instance, begin({ title: o.title ?? "" })));

  const [reply, left] = await Promise.all([
    http.send({ method: "GET", path: `/sessions/${encodeURIComponent(id)}` }),
    leftOf(by, owner, id),
  ]);
  const r = answerOf(reply);
  const text: string = reply.body?.content ?? "";
  const base = r.k === "ok" ? baseOf(r.meta, text) : null;
  const kind = r.k === "ok" ? r.meta.status : "new";
  const loaded = { t: "loaded", r, text, id: by.newId(), now: Date.now(), random: 0 } as const;

  if (before !== undefined && before !== shown(o) && base) {
    // Somebody typed meanwhile. That stays on the screen, and what an earlier page left stays in the journal.
    const typed = by.create(o, owner, instance, begin({ edits: 1, loading: true }));
    typed.dispatch(loaded);
    return opened(typed);
  }

  const entry = left && (await journal.take(left, { owner, instance })) ? left : undefined;
  if (entry && (await applied(by, o, { ...entry, owner, instance }))) {
    const known = fromEntry(entry);
    const isCurrent = !!base && base.etag === entry.base?.etag;
    const isStale = !!base && !isCurrent && !entry.attempt;
    const one = by.create(
      o,
      owner,
      instance,
      begin({ ...known, ...(isCurrent ? { base } : {}), recovered: entry.at, loading: isStale }),
    );
    if (entry.attempt) one.dispatch({ t: "retry" });
    else if (isStale) one.dispatch(loaded);
    else if (base || r.k === "lost" || !entry.base) one.dispatch({ t: "send" });
    else one.dispatch({ t: "polled", r });
    return opened(one);
  }

  if (!base) throw problem(reply);
  o.apply(text, { recovered: false, schema: undefined });
  return opened(
    by.create(o, owner, instance, begin({ base, kind, trouble: kind === "closed" ? "read_only" : "" })),
  );
}

function opened(one: Managed): OpenDocument {
  one.dispatch({ t: "opened" });
  return one;
}

/** The newest of what closed pages left of a document. The others stay where they are. */
async function leftOf(by: Opening, owner: string, id: string): Promise<Entry | undefined> {
  const isOrphan = await by.orphans();
  const entries = await by.journal.list([...new Set([owner, ""])], by.app);
  return entries
    .filter((entry) => entry.id === id && isOrphan(entry.instance))
    .sort((a, b) => (b.base?.version ?? 0) - (a.base?.version ?? 0))[0];
}

/** Shows an entry. If that is impossible, puts it aside. */
async function applied(by: Opening, o: OpenOptions, entry: Entry): Promise<boolean> {
  try {
    o.apply(entry.content, { recovered: true, schema: entry.schema ?? undefined });
    return true;
  } catch {
    const { owner, app, id, title } = entry;
    await by.journal.aside(
      { owner, app, id, title, why: "not_applied", at: Date.now(), content: entry.content },
      entry,
    );
    return false;
  }
}

function shown(o: OpenOptions): string | undefined {
  try {
    return o.serialize();
  } catch {
    return undefined; // there is nothing to show yet
  }
}

function problem({ status, body }: { status: number; body: any }): Problem {
  return new Problem(
    body?.error?.type ?? "offline",
    status,
    body?.detail ?? "The server did not respond.",
    body,
  );
}
