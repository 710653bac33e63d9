/** How a document goes on from what an earlier page could not save of it. */

import { asideOf, type Archive } from "./archive.js";
import type { Managed } from "./document.js";
import type { Entry } from "./entry.js";
import type { Core } from "./late.js";
import type { Others } from "./others.js";
import type { Base, Event } from "./model.js";
import { fromEntry } from "./resume.js";
import type { OpenOptions } from "./types.js";

type Loaded = Extract<Event, { t: "loaded" }>;

/** Opens a document with what was left of it. Returns undefined if that is impossible. `base` is what the server has. */
export type Resume = (
  o: OpenOptions,
  owner: string,
  entry: Entry,
  base: Base | null,
  loaded: Loaded,
) => Promise<Managed | undefined>;

export const createResume =
  (by: Core, archive: Archive): Resume =>
  async (o, owner, entry, base, loaded) => {
    const instance = by.instance();
    if (!(await archive.take(entry, { owner, instance }))) return;
    try {
      o.apply(entry.content, { recovered: true, schema: entry.schema ?? undefined });
    } catch (error) {
      by.report(error);
      const mine = { ...entry, owner, instance };
      await archive.aside(asideOf(mine, "not_applied", entry.content), mine);
      return;
    }
    const isCurrent = base?.etag === entry.base?.etag;
    const isStale = !!base && !isCurrent && !entry.attempt;
    // Its save is no autosave, so that the version before stays in the history. Nothing is told if nothing was typed.
    const isNew = base?.text !== entry.content;
    const known = { ...fromEntry(entry), auto: false, recovered: isNew ? entry.at : 0, loading: isStale };
    const one = by.create(o, owner, instance, entry.id, base && isCurrent ? { ...known, base } : known);
    if (entry.attempt) one.dispatch({ t: "retry" });
    else if (isStale) one.dispatch(loaded);
    else if (base || loaded.r.k === "lost" || !entry.base) one.dispatch({ t: "send" });
    else one.dispatch({ t: "polled", r: loaded.r });
    return one;
  };

/** The newest of what closed pages left of a document. The others stay where they are. */
export async function leftOf(
  by: Core,
  archive: Archive,
  orphans: Others["orphans"],
  owner: string,
  id: string,
): Promise<Entry | undefined> {
  const isOrphan = await orphans();
  const entries = await archive.list([...new Set([owner, ""])], by.app);
  return entries
    .filter((entry) => entry.id === id && isOrphan(entry.instance))
    .sort((a, b) => (b.base?.version ?? 0) - (a.base?.version ?? 0))[0];
}
