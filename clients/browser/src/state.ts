/** Small values that an app remembers for a person: which panel is open, which theme. On this device, across tabs. */

import { Name } from "./names.js";

export interface AppState {
  /** Returns a value, or the default if there is none. Synchronous, so the first picture is right. */
  get<T>(key: string, fallback: T): T;
  /** Keeps a JSON value. Returns false if the browser cannot keep it: then it lasts as long as the page. */
  set(key: string, value: unknown): boolean;
  /** Removes a value, or all of this app. */
  clear(key?: string): void;
  /** Calls `listener` with the value at once and after each change, also by another tab. */
  subscribe<T>(key: string, fallback: T, listener: (value: T) => void): () => void;
}

/** Returns what an app remembers for the person who was signed in last. */
export function state(app: string): AppState {
  /** What the browser could not keep. */
  const unkept = new Map<string, string>();
  const listeners = new Set<(name: string) => void>();
  const prefix = (): string => `${Name.State}${JSON.stringify([read(Name.Owner) ?? "", app]).slice(1, -1)}:`;

  function read(name: string): string | undefined {
    try {
      return unkept.get(name) ?? localStorage.getItem(name) ?? undefined;
    } catch {
      return unkept.get(name);
    }
  }

  function write(name: string, text: string | undefined): boolean {
    unkept.delete(name);
    try {
      if (text === undefined) localStorage.removeItem(name);
      else localStorage.setItem(name, text);
      return true;
    } catch {
      if (text !== undefined) unkept.set(name, text);
      return false;
    } finally {
      listeners.forEach((listener) => listener(name));
    }
  }

  function get<T>(key: string, fallback: T): T {
    const text = read(prefix() + key);
    try {
      return text === undefined ? fallback : (JSON.parse(text) as T);
    } catch {
      return fallback; // somebody else wrote it
    }
  }

  function names(): string[] {
    const all = [...unkept.keys()];
    try {
      all.push(...Object.keys(localStorage));
    } catch {
      // there is no storage, so there is nothing in it
    }
    return all.filter((name) => name.startsWith(prefix()));
  }

  return {
    get,
    set(key, value) {
      const text = JSON.stringify(value);
      if (text === undefined) throw new TypeError("Only JSON values can be kept.");
      return write(prefix() + key, text);
    },
    clear(key) {
      (key === undefined ? names() : [prefix() + key]).forEach((name) => write(name, undefined));
    },
    subscribe(key, fallback, listener) {
      let shown: string | undefined;
      const tell = (name: string | null): void => {
        const own = prefix() + key;
        const now = read(own) ?? "";
        if ((name !== null && name !== own && name !== Name.Owner) || now === shown) return;
        shown = now;
        listener(get(key, fallback));
      };
      const elsewhere = (event: StorageEvent): void => tell(event.key);
      listeners.add(tell);
      addEventListener("storage", elsewhere);
      tell(null);
      return () => {
        listeners.delete(tell);
        removeEventListener("storage", elsewhere);
      };
    },
  };
}
