/** The versions of a document: their texts, and how they are shown together. */

import type { OpenDocument } from "../document.js";
import type { Server } from "../server.js";
import type { RevisionMetadata, RevisionsKept } from "../wire.gen.js";
import { changes, type Change } from "./changes.js";
import { walk } from "./pages.js";

/** Autosaves with less time than this between them are one sitting. */
const SITTING_MS = 30 * 60_000;
const PAGES_MAX = 5;

/** A row of the history: one version, or the autosaves of one sitting, newest first. */
export type Sitting = readonly [RevisionMetadata, ...RevisionMetadata[]];

export interface Versions {
  /** Newest first. */
  all: readonly RevisionMetadata[];
  /** How many versions stay, without and with a name. */
  kept: RevisionsKept;
}

/** Returns all versions. The server keeps some dozens. */
export async function allVersions(server: Server, id: string): Promise<Versions> {
  const ask = (cursor: string | undefined) => server.sessions.revisions(id, cursor ? { cursor } : {});
  const found: Versions = { all: [], kept: { unnamed: 0, named: 0 } };
  let left = PAGES_MAX;
  for await (const { items, kept } of walk(ask)) {
    found.all = [...found.all, ...items];
    found.kept = kept;
    if (!--left) break;
  }
  return found;
}

/** Returns how many newer versions a version outlives at least. Undefined: it stays, or is the current one. */
export function outlives(one: RevisionMetadata, { all, kept }: Versions): number | undefined {
  if (one.name !== null || one.version === all[0]?.version) return undefined;
  const unnamed = all.filter(({ name }) => name === null);
  // Autosaves go first, and the oldest of them first.
  const order = unnamed
    .filter(({ version }) => version !== all[0]?.version)
    .sort((a, b) => Number(b.action === "autosaved") - Number(a.action === "autosaved") || a.version - b.version);
  return Math.max(0, kept.unnamed - unnamed.length + order.indexOf(one));
}

const isQuiet = ({ action, name }: RevisionMetadata): boolean => action === "autosaved" && name === null;

/** Folds the autosaves of each sitting. The newest version stands by itself: it is the current one. */
export function sittings(all: readonly RevisionMetadata[]): Sitting[] {
  const found: [RevisionMetadata, ...RevisionMetadata[]][] = [];
  all.forEach((one, at) => {
    const last = found.at(-1);
    const before = last?.at(-1);
    const isSame =
      at > 1 &&
      before &&
      isQuiet(one) &&
      isQuiet(before) &&
      one.deviceInfo === before.deviceInfo &&
      Date.parse(before.savedAt) - Date.parse(one.savedAt) < SITTING_MS;
    if (isSame) last!.push(one);
    else found.push([one]);
  });
  return found;
}

/** Returns the version whose content was restored. Undefined if it is not in the history any more. */
export function restoredFrom(one: RevisionMetadata, all: readonly RevisionMetadata[]): number | undefined {
  if (one.action !== "restored") return undefined;
  return all.find((each) => each.version < one.version && each.contentHash === one.contentHash)?.version;
}

/** Texts of versions, each read once. */
export class Texts {
  readonly #texts = new Map<string, Promise<string>>();
  readonly #words = new Map<string, Promise<Change[]>>();

  constructor(readonly doc: OpenDocument) {}

  of({ contentHash, version }: RevisionMetadata): Promise<string> {
    return this.#once(this.#texts, contentHash, async () => (await this.doc.revision(version)).content);
  }

  /** Returns what changed from one version to another. */
  changes(before: RevisionMetadata, after: RevisionMetadata): Promise<Change[]> {
    const key = `${before.contentHash} ${after.contentHash}`;
    return this.#once(this.#words, key, async () => changes(await this.of(before), await this.of(after)));
  }

  #once<T>(known: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> {
    let found = known.get(key);
    if (!found) {
      found = read();
      known.set(key, found);
      found.catch(() => known.delete(key));
    }
    return found;
  }
}
