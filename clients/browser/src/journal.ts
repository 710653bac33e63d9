/** What the server does not have yet, kept in the browser: in IndexedDB, else in localStorage, else nowhere. */

import { createDatabase, type Database } from "./database.js";
import type { Entry } from "./entry.js";

export type Key = Pick<Entry, "owner" | "app" | "id" | "instance">;

export interface Journal {
  readonly db: Database;
  /** Entries in localStorage, by name, and how many edits they have. */
  readonly mirrored: Map<string, number>;
  /** Returns false if it is kept nowhere. */
  put(entry: Entry, strict?: boolean): Promise<boolean>;
  /** Keeps an entry at once, so that it survives leaving. A killed browser may lose it. */
  mirror(entry: Entry): boolean;
  /** Removes an entry, unless it has more edits than `acked`. */
  remove(key: Key, acked?: number): Promise<void>;
}

const MIRROR_CHARACTERS = 1_500_000;

export const pathOf = (k: Key): string[] => [k.owner, k.app, k.id, k.instance];
export const nameOf = (k: Key): string => "savepoint:" + JSON.stringify(pathOf(k));

/** Undefined if it is forbidden. */
export const local = (): Storage | undefined => {
  try {
    return localStorage;
  } catch {
    return;
  }
};

export function createJournal(): Journal {
  const db = createDatabase();
  const mirrored = new Map<string, number>();

  function mirror(entry: Entry): boolean {
    const name = nameOf(entry);
    try {
      if (entry.content.length > MIRROR_CHARACTERS) return false;
      local()!.setItem(name, JSON.stringify(entry));
      mirrored.set(name, entry.edits);
      return true;
    } catch {
      return false; // full, or forbidden: there is no other place
    }
  }

  function unmirror(key: Key, acked: number): void {
    const name = nameOf(key);
    if (!(mirrored.get(name)! <= acked)) return;
    mirrored.delete(name);
    local()?.removeItem(name);
  }

  return {
    db,
    mirrored,
    mirror,
    async put(entry, strict) {
      try {
        await db.run((entries) => entries.put(entry), strict);
        unmirror(entry, entry.edits);
        return true;
      } catch {
        return mirror(entry);
      }
    },
    async remove(key, acked = Infinity) {
      unmirror(key, acked);
      await db
        .run((entries) => {
          const found = entries.get(pathOf(key)) as IDBRequest<Entry | undefined>;
          found.onsuccess = () => {
            if (found.result && found.result.edits <= acked) entries.delete(pathOf(key));
          };
        })
        .catch(() => undefined); // then it stays, and is found to be saved when it is opened
    },
  };
}
