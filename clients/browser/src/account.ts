/** All that a person has, as a whole. Every call rejects with a Problem. */

import type { Ask } from "./calls.js";
import type { Erasure, Imported, ImportMode, Me } from "./wire.gen.js";

export interface Account {
  readonly account: {
    me(): Promise<Me>;
    /** Returns a page of the export, newline-delimited JSON. The last line has the token of the next page, or null. */
    export(pageToken?: string): Promise<string>;
    /** Imports a page of an export. All pages of one import have the same id, so that repeats do no harm. */
    import(lines: string, options: { importId: string; mode?: ImportMode }): Promise<Imported>;
    /** Deletes everything on the server, for good. `ownerId` confirms whose it is. Repeat it until `done`. */
    erase(ownerId: string): Promise<Erasure>;
  };
}

export const createAccount = (ask: Ask): Account => ({
  account: {
    me: () => ask("GET", "/me"),
    export: (pageToken) => ask("GET", `/export${pageToken ? `?${new URLSearchParams({ cursor: pageToken })}` : ""}`),
    import: (lines, { importId, mode = "copy" }) =>
      ask("POST", `/import?${new URLSearchParams({ import_id: importId, mode })}`, lines),
    erase: (ownerId) => ask("DELETE", "/me", undefined, { "Savepoint-Confirm": ownerId }),
  },
});
