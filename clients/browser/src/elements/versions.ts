/** The versions of a document: their texts, and how they are shown together. */

import type { OpenDocument } from "../document.js";
import type { Server } from "../server.js";
import type { RevisionMetadata } from "../wire.gen.js";
import { changes, type Change } from "./changes.js";

/** Autosaves with less time than this between them are one sitting. */
const SITTING_MS = 30 * 60_000;
const PAGES_MAX = 5;

/** A row of the history: one version, or the autosaves of one sitting, newest first. */
export type Sitting = readonly [RevisionMetadata, ...RevisionMetadata[]];

/** Returns all versions, newest first. The server keeps some dozens. */
export async function allVersions(server: Server, id: string): Promise<RevisionMetadata[]> {
  const all: RevisionMetadata[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const found = await server.sessions.revisions(id, cursor === null ? {} : { cursor });
    all.push(...found.items);
    cursor = found.pageToken;
    if (cursor === null) break;
  }
  return all;
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
