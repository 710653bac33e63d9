/** What earlier pages have left in the journal, and what was put aside. */

import { asideOf, type Archive, type Aside } from "./archive.js";
import type { Entry } from "./entry.js";
import type { Core } from "./late.js";
import type { Others } from "./others.js";
import type { State } from "./model.js";
import { fromEntry } from "./resume.js";
import type { Status } from "./view.js";

export interface Recoverable {
  readonly id: string;
  readonly title: string;
  /** When it was written, in milliseconds. */
  readonly at: number;
  /** Why it was put aside: `kept` in a conflict, `discarded`, `not_applied` or `unreadable`. Undefined: not saved. */
  readonly aside: string | undefined;
  /** The version that was edited, and the one of the server. Undefined: not on the server, or not known. */
  readonly version: number | undefined;
  readonly serverVersion: number | undefined;
  /** False if the server did not say whether it has the document. */
  readonly isKnown: boolean;
  /** True if nothing else was saved since, so that it can be saved at once. */
  readonly current: boolean;
  /** The text. Of something that cannot be read: as it was found. */
  readonly content: unknown;
  /** @internal */
  readonly _owner: string;
  /** @internal */
  readonly _entry: Entry | undefined;
  /** @internal */
  readonly _aside?: Aside;
}

export interface Claimed {
  /** Where it is now. */
  readonly id: string;
  /** True if that is a draft by itself, because the document has changed. */
  readonly copy: boolean;
  /** `clean` if the server has it. */
  readonly status: Status;
}

export interface Recovery {
  /** Lists what pages that are gone could not save, and what was put aside. */
  recoverable(): Promise<Recoverable[]>;
  /** Saves such an entry: where it belongs if nothing was saved there since, else as a draft. Overwrites nothing. */
  claim(entry: Recoverable): Promise<Claimed>;
  /** Takes an entry out of the way. It stays aside for 30 days, or until there are ten newer ones. What is aside already is removed for good. */
  setAside(entry: Recoverable): Promise<void>;
}

export function createRecovery(by: Core, archive: Archive, orphans: Others["orphans"]): Recovery {
  const { http, app, answerOf, Problem } = by;

  /** Whether the server has it all, as when a response was lost. */
  async function isSaved({ id, content, rename, promote }: Entry): Promise<boolean> {
    if (rename || promote) return false;
    const { body } = await http.send({ method: "GET", path: `/sessions/${encodeURIComponent(id)}` });
    return body?.content === content;
  }

  /** Returns undefined, and removes the entry, if there is nothing to recover. */
  async function described(entry: Entry): Promise<Recoverable | undefined> {
    const { id, title, at, base, content, owner: _owner } = entry;
    const r = answerOf(
      await http.send({ method: "GET", path: `/sessions/metadata/${encodeURIComponent(id)}` }),
    );
    const server = r.k === "ok" ? r.meta : undefined;
    const current = base ? server?.etag === base.etag : r.k === "missing";
    const { contentBytes } = (server ?? {}) as { contentBytes?: number };
    if (server && !current && contentBytes === new Blob([content]).size && (await isSaved(entry))) {
      await by.journal.remove(entry);
      return undefined;
    }
    const versions = { version: base?.version, serverVersion: server?.version };
    const isKnown = server !== undefined || r.k === "missing" || r.k === "gone";
    return { id, title, at, aside: undefined, ...versions, isKnown, current, content, _owner, _entry: entry };
  }

  const put = (aside: Aside): Recoverable => ({
    ...{ id: aside.id, title: aside.title, at: aside.at, aside: aside.why, content: aside.content, _aside: aside },
    ...{ version: undefined, serverVersion: undefined, isKnown: true, current: false, _owner: aside.owner, _entry: undefined },
  });

  /** Saves a text without showing it. */
  async function save(
    owner: string,
    instance: string,
    text: string,
    id: string,
    known: Partial<State>,
    of?: Entry,
  ) {
    const options = {
      serialize: () => text,
      apply: (other: string) => (text = other),
      ...(of?.mediaType ? { mediaType: of.mediaType } : {}),
    };
    const one = by.create({ ...options, onConflict: "copy" }, owner, instance, id, known);
    try {
      let state = await one.flush();
      if (state.status === "gone") state = await one.saveAs(state.title || "Untitled");
      const copy = state.copied?.id ?? (state.id === id ? undefined : state.id);
      return { id: copy ?? id, copy: !!copy, status: state.status };
    } finally {
      await one.close();
    }
  }

  return {
    async recoverable() {
      const owners = [...new Set([await by.owner(), ""])];
      const isOrphan = await orphans();
      const entries = (await archive.list(owners, app)).filter((entry) => isOrphan(entry.instance));
      const asides = await archive.asides(owners, app);
      const found = await Promise.all(entries.map(described));
      return [...found.filter((one) => one !== undefined), ...asides.map(put)];
    },
    async claim({ _entry: entry, _aside: aside, _owner, content, title }) {
      const owner = await by.owner();
      if (_owner && _owner !== owner) throw new Problem("not_found", 404, "Another person has made this.");
      const instance = by.instance();
      if (!entry) {
        if (typeof content !== "string") throw new TypeError("This cannot be read, so it cannot be saved.");
        const known = { text: content, edits: 1, snapped: 1, title, rename: title ? { title } : null };
        const done = await save(owner, instance, content, by.newId(), known);
        if (aside && done.status === "clean") await archive.remove(aside);
        return done;
      }
      if (!(await archive.take(entry, { owner, instance }))) throw new Error("Another page has taken it.");
      return save(owner, instance, entry.content, entry.id, fromEntry(entry), entry);
    },
    async setAside({ _entry: entry, _aside: aside }) {
      if (entry) await archive.aside(asideOf(entry, "discarded", entry.content), entry);
      else if (aside) await archive.remove(aside);
    },
  };
}
