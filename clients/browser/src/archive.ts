/** Reads the journal: what other pages have left, and what was put aside. */

import { Name } from "./names.js";
import type { Entry } from "./entry.js";
import type { Key } from "./journal.js";
import type { Core } from "./late.js";

/** A text that was put aside, or something that cannot be read. It stays for 30 days, the last ten of a browser. */
export interface Aside {
  owner: string;
  app: string;
  id: string;
  title: string;
  why: string;
  at: number;
  /** The text, or the entry as it was found. */
  content: unknown;
  /** Its key in the database. */
  key?: IDBValidKey;
}

export interface Archive {
  /** Puts something aside, in the place of an entry if there is one. */
  aside(aside: Aside, entry?: Key): Promise<void>;
  /** Returns the entries of some people. What cannot be read is put aside. */
  list(owners: string[], app: string): Promise<Entry[]>;
  /** Gives an entry to another instance. Returns false if somebody else was faster. */
  take(entry: Entry, by: Pick<Entry, "owner" | "instance">): Promise<boolean>;
  asides(owners: string[], app: string): Promise<Aside[]>;
  /** Removes what was put aside, for good. */
  remove(aside: Aside): Promise<void>;
  /** Removes all entries of a person. */
  forget(owner: string): Promise<void>;
}

const PREFIX = "savepoint:[";
const ASIDE_MOST = 10;
const ASIDE_MS = 30 * 24 * 3600 * 1000;

const isEntry = (e: any): e is Entry =>
  e?.format === 1 &&
  typeof e.content === "string" &&
  Number.isInteger(e.edits) &&
  (!e.attempt || !!e.attempt.key) &&
  (!e.base || !!e.base.etag);

export function createArchive({ journal, local, nameOf, pathOf }: Core): Archive {
  const { db, mirrored, mirror } = journal;
  /** What no database took, as long as this page lives. */
  const lost: Aside[] = [];

  /** Moves what earlier pages left in localStorage to where it is safe. Returns what stays there. */
  async function takeOver(): Promise<Entry[]> {
    const storage = local();
    const left: Entry[] = [];
    for (const item of Object.keys(storage ?? {})) {
      if (!item.startsWith(PREFIX) || mirrored.has(item)) continue;
      const raw = storage!.getItem(item)!;
      const [owner, app, id] = JSON.parse(item.slice(PREFIX.length - 1)) as [string, string, string];
      const entry = parsed(raw);
      try {
        await db.run((entries, asides) => {
          if (!isEntry(entry)) return void asides.add(asideOf({ owner, app, id }, "unreadable", raw));
          const before = entries.get(pathOf(entry)) as IDBRequest<Entry | undefined>;
          before.onsuccess = () => {
            const old = before.result;
            if (old && !isEntry(old)) asides.add(asideOf(old, "unreadable", old));
            else if (old && old.edits > entry.edits) return;
            entries.put(entry);
          };
        });
        storage!.removeItem(item);
      } catch {
        if (isEntry(entry)) left.push(entry);
      }
    }
    return left;
  }

  async function aside(one: Aside, entry?: Key): Promise<void> {
    try {
      await db.run((entries, asides) => {
        const keys = asides.getAllKeys();
        keys.onsuccess = () => keys.result.slice(0, 1 - ASIDE_MOST).forEach((key) => asides.delete(key));
        if (entry) entries.delete(pathOf(entry));
        asides.add(one);
      });
    } catch {
      lost.push(one);
    }
  }

  return {
    aside,
    async list(owners, app) {
      const found = await takeOver();
      for (const owner of owners) {
        try {
          const range = IDBKeyRange.bound([owner, app], [owner, app, []]);
          const all = await db.run<Entry[]>((entries) => entries.getAll(range));
          for (const entry of all) {
            if (isEntry(entry)) found.push(entry);
            else await aside(asideOf(entry, "unreadable", entry), entry);
          }
        } catch {
          // Only what is in localStorage can be read.
        }
      }
      return found.filter((entry) => owners.includes(entry.owner) && entry.app === app);
    },
    async take(entry, by) {
      const mine = { ...entry, ...by };
      try {
        const count = await db.run((entries) => {
          const found = entries.count(pathOf(entry));
          found.onsuccess = () => {
            if (!found.result) return;
            entries.put(mine);
            entries.delete(pathOf(entry));
          };
          return found;
        });
        if (count) return true;
      } catch {
        // It may be in localStorage.
      }
      if (!local()?.getItem(nameOf(entry))) return false;
      mirror(mine);
      local()!.removeItem(nameOf(entry));
      return true;
    },
    async asides(owners, app) {
      let found: Aside[] = [];
      try {
        await db.run((_, asides) => {
          found = [];
          const cursor = asides.openCursor();
          cursor.onsuccess = () => {
            const one = cursor.result;
            if (one) found.push({ ...one.value, key: one.primaryKey });
            one?.continue();
          };
        });
      } catch {
        // Only what this page put aside can be read.
      }
      const since = Date.now() - ASIDE_MS;
      return [...lost, ...found].filter(
        (one) => owners.includes(one.owner) && one.app === app && one.at > since,
      );
    },
    async remove(one) {
      const { key } = one;
      if (key === undefined) lost.splice(lost.indexOf(one) >>> 0, 1);
      else await db.run((_, asides) => asides.delete(key));
    },
    async forget(owner) {
      const storage = local();
      for (const item of Object.keys(storage ?? {})) {
        const isTheirs = [PREFIX, Name.State].some((prefix) => item.startsWith(`${prefix}${JSON.stringify(owner)},`));
        if (isTheirs) storage!.removeItem(item);
      }
      mirrored.clear();
      lost.splice(0, lost.length, ...lost.filter((one) => one.owner !== owner));
      await db.run((entries, asides) => {
        entries.delete(IDBKeyRange.bound([owner], [owner, []]));
        const cursor = asides.openCursor();
        cursor.onsuccess = () => {
          if (cursor.result?.value.owner === owner) cursor.result.delete();
          cursor.result?.continue();
        };
      });
    },
  };
}

export const asideOf = (
  e: Omit<Key, "instance"> & { title?: string },
  why: string,
  content: unknown,
): Aside => ({
  owner: e.owner,
  app: e.app,
  id: e.id,
  title: e.title ?? "",
  why,
  at: Date.now(),
  content,
});

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}
