/** IndexedDB with time limits. A connection that the browser has closed is opened again. */

const LIMIT_MS = 2000;

type Work<T> = (entries: IDBObjectStore, aside: IDBObjectStore) => IDBRequest<T> | void;

interface Turn {
  isLate: boolean;
  hasBegun: boolean;
}

export interface Database {
  /** Returns the result of the request that `work` returns, after the transaction is complete. Rejects after 2 s. */
  run<T>(work: Work<T>, strict?: boolean): Promise<T>;
}

export function createDatabase(): Database {
  let opening: Promise<IDBDatabase> | undefined;
  const forget = (): void => void (opening = undefined);

  const open = (): Promise<IDBDatabase> =>
    new Promise((done, fail) => {
      const request = indexedDB.open("savepoint", 1);
      request.onupgradeneeded = ({ oldVersion }) => {
        if (oldVersion) return;
        request.result.createObjectStore("entries", { keyPath: ["owner", "app", "id", "instance"] });
        request.result.createObjectStore("aside", { autoIncrement: true });
      };
      request.onerror = () => fail(request.error);
      request.onsuccess = () => {
        const db = request.result;
        db.onclose = forget;
        // A newer program waits for this.
        db.onversionchange = () => {
          db.close();
          forget();
        };
        done(db);
      };
    });

  async function once<T>(work: Work<T>, strict: boolean, turn: Turn): Promise<T> {
    opening ??= open();
    const db = await opening;
    return new Promise((done, fail) => {
      // A newer write may have been made elsewhere meanwhile.
      if (turn.isLate) return;
      turn.hasBegun = true;
      const names = ["entries", "aside"] as const;
      const durability = strict ? "strict" : "relaxed";
      const transaction = db.transaction(names, "readwrite", { durability });
      const [entries, aside] = names.map((name) => transaction.objectStore(name));
      const request = work(entries!, aside!);
      transaction.oncomplete = () => done(request?.result as T);
      transaction.onabort = () => fail(transaction.error);
    });
  }

  return {
    run: (work, strict = false) =>
      new Promise((done, fail) => {
        const turn: Turn = { isLate: false, hasBegun: false };
        const timer = setTimeout(() => {
          turn.isLate = true;
          // What is slow to open may be there for the next.
          if (turn.hasBegun) forget();
          fail(new Error("No response."));
        }, LIMIT_MS);
        const again = () => {
          forget();
          return once(work, strict, turn);
        };
        once(work, strict, turn)
          .catch(again)
          .finally(() => clearTimeout(timer))
          .then(done, fail);
      }),
  };
}
