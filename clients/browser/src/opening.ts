/** How a document of the server is opened, together with what earlier pages could not save of it. */

import { asideOf, type Archive } from "./archive.js";
import type { OpenDocument } from "./document.js";
import type { Entry } from "./entry.js";
import type { Core } from "./late.js";
import { fromEntry } from "./resume.js";
import type { OpenOptions } from "./types.js";

export type Open = (options: OpenOptions & { id: string }) => Promise<OpenDocument>;

export const createOpening =
  (by: Core, archive: Archive): Open =>
  async (o) => {
    const { id } = o;
    const instance = by.instance();
    const before = by.shown(o);
    const owner = await by.owner();
    const [reply, left] = await Promise.all([
      by.http.send({ method: "GET", path: `/sessions/${encodeURIComponent(id)}` }),
      leftOf(by, archive, owner, id),
    ]);
    const r = by.answerOf(reply);
    const text: string = reply.body?.content ?? "";
    const base = r.k === "ok" ? by.baseOf(r.meta, text) : null;
    const loaded = { t: "loaded", r, text, id: by.newId(), now: Date.now(), random: 0 } as const;

    if (base && before !== undefined && before !== by.shown(o)) {
      // Somebody typed meanwhile. That stays on the screen, and what an earlier page left stays in the journal.
      const typed = by.create(o, owner, instance, id, { edits: 1, loading: true });
      typed.dispatch(loaded);
      return typed;
    }

    const entry = left && (await archive.take(left, { owner, instance })) ? left : undefined;
    if (entry && (await applied(by, archive, o, { ...entry, owner, instance }))) {
      const isCurrent = base?.etag === entry.base?.etag;
      const isStale = !!base && !isCurrent && !entry.attempt;
      const known = { ...fromEntry(entry), recovered: entry.at, loading: isStale };
      const one = by.create(o, owner, instance, id, base && isCurrent ? { ...known, base } : known);
      if (entry.attempt) one.dispatch({ t: "retry" });
      else if (isStale) one.dispatch(loaded);
      else if (base || r.k === "lost" || !entry.base) one.dispatch({ t: "send" });
      else one.dispatch({ t: "polled", r });
      return one;
    }

    if (r.k !== "ok") throw by.problemOf(reply);
    o.apply(text, { recovered: false, schema: undefined });
    const kind = r.meta.status;
    return by.create(o, owner, instance, id, { base, kind, trouble: kind === "closed" ? "read_only" : "" });
  };

/** The newest of what closed pages left of a document. The others stay where they are. */
async function leftOf(by: Core, archive: Archive, owner: string, id: string): Promise<Entry | undefined> {
  const isOrphan = await by.orphans();
  const entries = await archive.list([...new Set([owner, ""])], by.app);
  return entries
    .filter((entry) => entry.id === id && isOrphan(entry.instance))
    .sort((a, b) => (b.base?.version ?? 0) - (a.base?.version ?? 0))[0];
}

/** Shows an entry. If that is impossible, puts it aside. */
async function applied(by: Core, archive: Archive, o: OpenOptions, entry: Entry): Promise<boolean> {
  try {
    o.apply(entry.content, { recovered: true, schema: entry.schema ?? undefined });
    return true;
  } catch (error) {
    by.report(error);
    await archive.aside(asideOf(entry, "not_applied", entry.content), entry);
    return false;
  }
}
