/** What the server does not have yet, kept in the browser: in IndexedDB, else in localStorage, else nowhere. */

import { createDatabase } from "./database.js";
import type { Entry } from "./entry.js";

export type Key = Pick<Entry, "owner" | "app" | "id" | "instance">;

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
}

export interface Journal {
  /** Returns false if it is kept nowhere. */
  put(entry: Entry, strict?: boolean): Promise<boolean>;
  /** Keeps an entry at once, so that it survives leaving. A killed browser may lose it. */
  mirror(entry: Entry): void;
  /** Removes an entry, unless it has more edits than `acked`. */
  remove(key: Key, acked?: number): Promise<void>;
  /** Returns the entries of some people. What cannot be read is put aside. */
  list(owners: string[], app: string): Promise<Entry[]>;
  /** Gives an entry to another instance. Returns false if somebody else was faster. */
  take(entry: Entry, by: Pick<Entry, "owner" | "instance">): Promise<boolean>;
  aside(aside: Aside, entry?: Key): Promise<void>;
  asides(owners: string[], app: string): Promise<(Aside & { key: number })[]>;
  /** Removes all entries of a person. */
  forget(owner: string): Promise<void>;
}

const PREFIX = "savepoint:";
const MIRROR_CHARACTERS = 1_500_000;
const ASIDE_MOST = 10;
const ASIDE_MS = 30 * 24 * 3600 * 1000;

const path = (k: Key): [string, string, string, string] => [k.owner, k.app, k.id, k.instance];
const name = (k: Key): string => PREFIX + JSON.stringify(path(k));
const local = (): Storage | undefined => {
  try {
    return localStorage;
  } catch {
    return undefined; // forbidden
  }
};
const isEntry = (e: any): e is Entry =>
  e?.format === 1 &&
  typeof e.content === "string" &&
  Number.isInteger(e.edits) &&
  (!e.attempt || !!e.attempt.key);

export function createJournal(): Journal {
  const db = createDatabase();
  /** Entries in localStorage, and how many edits they have. */
  const mirrored = new Map<string, number>();
  const kept: Aside[] = [];

  function toLocal(entry: Entry): boolean {
    try {
      if (entry.content.length > MIRROR_CHARACTERS) return false;
      local()!.setItem(name(entry), JSON.stringify(entry));
      mirrored.set(name(entry), entry.edits);
      return true;
    } catch {
      return false; // full, or forbidden: there is no other place
    }
  }

  function dropLocal(key: Key, acked: number): void {
    const edits = mirrored.get(name(key));
    if (edits === undefined || edits > acked) return;
    mirrored.delete(name(key));
    local()?.removeItem(name(key));
  }

  /** Moves what earlier pages left in localStorage to where it is safe. */
  async function takeOver(): Promise<Entry[]> {
    const storage = local();
    const left: Entry[] = [];
    for (const item of storage ? Object.keys(storage) : []) {
      if (!item.startsWith(`${PREFIX}[`) || mirrored.has(item)) continue;
      const raw = storage!.getItem(item) ?? "";
      const [owner, app, id] = JSON.parse(item.slice(PREFIX.length)) as [string, string, string];
      const entry = parsed(raw);
      try {
        await db.run("readwrite", (store) => {
          if (!isEntry(entry)) store("aside").add(asideOf({ owner, app, id }, "unreadable", raw));
          else {
            const before = store("entries").get(path(entry)) as IDBRequest<Entry | undefined>;
            before.onsuccess = () => {
              if (!before.result || before.result.edits <= entry.edits) store("entries").put(entry);
            };
          }
          return undefined;
        });
        storage!.removeItem(item);
      } catch {
        if (isEntry(entry)) left.push(entry); // it stays where it is
      }
    }
    return left;
  }

  async function list(owners: string[], app: string): Promise<Entry[]> {
    const found = await takeOver();
    for (const owner of owners) {
      try {
        const range = IDBKeyRange.bound([owner, app], [owner, app, []]);
        const all = await db.run<Entry[]>("readonly", (store) => store("entries").getAll(range));
        for (const entry of all) {
          if (isEntry(entry)) found.push(entry);
          else await aside(asideOf(entry, "unreadable", entry), entry);
        }
      } catch {
        // Only what is in localStorage can be read.
      }
    }
    return found.filter((entry) => owners.includes(entry.owner) && entry.app === app);
  }

  async function aside(one: Aside, entry?: Key): Promise<void> {
    try {
      await db.run("readwrite", (store) => {
        const keys = store("aside").getAllKeys();
        keys.onsuccess = () => {
          for (const key of keys.result.slice(0, 1 - ASIDE_MOST)) store("aside").delete(key);
        };
        if (entry) store("entries").delete(path(entry));
        return store("aside").add(one);
      });
    } catch {
      kept.push(one); // as long as this page lives
    }
  }

  return {
    mirror: toLocal,
    list,
    aside,
    async put(entry, strict) {
      try {
        await db.run("readwrite", (store) => store("entries").put(entry), strict);
        dropLocal(entry, entry.edits);
        return true;
      } catch {
        return toLocal(entry);
      }
    },
    async remove(key, acked = Infinity) {
      dropLocal(key, acked);
      await db
        .run("readwrite", (store) => {
          const found = store("entries").get(path(key)) as IDBRequest<Entry | undefined>;
          found.onsuccess = () => {
            if (found.result && found.result.edits <= acked) store("entries").delete(path(key));
          };
          return undefined;
        })
        .catch(() => undefined); // then it stays, and is found to be saved when it is opened
    },
    async take(entry, by) {
      const mine = { ...entry, ...by };
      try {
        const count = await db.run("readwrite", (store) => {
          const found = store("entries").count(path(entry));
          found.onsuccess = () => {
            if (!found.result) return;
            store("entries").put(mine);
            store("entries").delete(path(entry));
          };
          return found;
        });
        if (count) return true;
      } catch {
        // It may be in localStorage.
      }
      if (!local()?.getItem(name(entry))) return false;
      toLocal(mine);
      local()!.removeItem(name(entry));
      return true;
    },
    async asides(owners, app) {
      let found: (Aside & { key: number })[] = kept.map((one, at) => ({ ...one, key: -1 - at }));
      try {
        let keys: IDBRequest<IDBValidKey[]> | undefined;
        const all = await db.run<Aside[]>("readonly", (store) => {
          keys = store("aside").getAllKeys();
          return store("aside").getAll();
        });
        found = [...found, ...all.map((one, at) => ({ ...one, key: keys!.result[at] as number }))];
      } catch {
        // Only what this page put aside can be read.
      }
      const since = Date.now() - ASIDE_MS;
      return found.filter((one) => owners.includes(one.owner) && one.app === app && one.at > since);
    },
    async forget(owner) {
      const storage = local();
      for (const item of storage ? Object.keys(storage) : []) {
        if (item.startsWith(`${PREFIX}[${JSON.stringify(owner)},`)) storage!.removeItem(item);
      }
      mirrored.clear();
      await db.run("readwrite", (store) => {
        store("entries").delete(IDBKeyRange.bound([owner], [owner, []]));
        const cursor = store("aside").openCursor();
        cursor.onsuccess = () => {
          if (cursor.result?.value.owner === owner) cursor.result.delete();
          cursor.result?.continue();
        };
        return undefined;
      });
    },
  };
}

export const asideOf = (
  e: { owner: string; app: string; id: string; title?: string },
  why: string,
  content: unknown,
): Aside => ({ owner: e.owner, app: e.app, id: e.id, title: e.title ?? "", why, at: Date.now(), content });

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}
