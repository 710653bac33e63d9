/** IndexedDB with time limits. A connection that the browser has closed is opened again. */

const LIMIT_MS = 2000;

export type Stores = "entries" | "aside";
type Work<T> = (store: (name: Stores) => IDBObjectStore) => IDBRequest<T> | undefined;

export interface Database {
  /** Returns the result of the request that `work` returns, after the transaction is complete. Rejects after 2 s. */
  run<T>(mode: IDBTransactionMode, work: Work<T>, strict?: boolean): Promise<T>;
}

function within<T>(promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const limit = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error("The browser's database does not respond.")), LIMIT_MS);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

export function createDatabase(): Database {
  let opening: Promise<IDBDatabase> | undefined;

  const open = (): Promise<IDBDatabase> =>
    new Promise((done, fail) => {
      const request = indexedDB.open("savepoint", 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("entries", { keyPath: ["owner", "app", "id", "instance"] });
        request.result.createObjectStore("aside", { autoIncrement: true });
      };
      request.onerror = () => fail(request.error);
      request.onsuccess = () => {
        const db = request.result;
        db.onclose = () => (opening = undefined);
        // A newer program waits for this.
        db.onversionchange = () => {
          db.close();
          opening = undefined;
        };
        done(db);
      };
    });

  async function once<T>(mode: IDBTransactionMode, work: Work<T>, strict?: boolean): Promise<T> {
    opening ??= open().catch((error) => {
      opening = undefined;
      throw error;
    });
    const db = await opening;
    return new Promise((done, fail) => {
      const durability = strict ? "strict" : "relaxed";
      const transaction = db.transaction(["entries", "aside"], mode, { durability });
      const request = work((name) => transaction.objectStore(name));
      transaction.oncomplete = () => done(request?.result as T);
      transaction.onabort = () => fail(transaction.error);
    });
  }

  return {
    run: (mode, work, strict) =>
      within(
        once(mode, work, strict).catch(() => {
          opening = undefined;
          return once(mode, work, strict);
        }),
      ),
  };
}
