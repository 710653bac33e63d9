/** What can be done with an open document besides saving it. Each rejects with a Problem if it cannot be done. */

import type { Ask } from "./calls.js";
import type { Handle, OpenDocument } from "./document.js";
import type { Key } from "./journal.js";
import type { Meta } from "./model.js";
import type { Core } from "./late.js";
import type { RevisionContent, RevisionMetadataPage, Session } from "./wire.gen.js";

export type Commands = Pick<
  OpenDocument,
  "saveAs" | "resolve" | "undoCopy" | "discard" | "reload" | "revisions" | "revision" | "restore" | "share"
>;

export function createCommands(
  { state, run, until, isBusy, stop, written, key, mediaType }: Handle,
  { Problem, baseOf, baseUrl, journal, newId, shared }: Core,
  ask: Ask,
  keepAside: (of: Key & { title: string }, text: string) => Promise<void>,
): Commands {
  const one = <T>(method: string, path = "", body?: object): Promise<T> =>
    ask(method, `/sessions/${state().id}${path}`, body);
  const idle = () => until(() => !isBusy());

  return {
    saveAs: (title) => run({ t: "fork", id: newId(), title }),
    resolve: (how) => run({ t: "resolve", how, id: newId() }),
    async undoCopy() {
      const { copied } = state();
      const after = await run({ t: "undo" });
      // The journal has it by then, so the copy is not needed any more.
      await written();
      if (copied && !state().copied) await ask("DELETE", `/drafts/${copied.id}?purge=true`);
      return after;
    },
    async discard() {
      // What is not saved goes to the trash with the rest, or aside.
      const { dirty } = await run({ t: "flush" });
      await idle();
      const { base, attempt, id, text, title } = state();
      if (base || attempt) await one("DELETE");
      if (dirty) await keepAside({ ...key(), title }, text);
      stop();
      shared.tell({ t: "gone", owner: key().owner, id });
      await written();
      await journal.remove(key());
    },
    async reload() {
      await idle();
      const { id } = state();
      const { metadata, content } = await one<Session>("GET");
      // It may have been continued under a new id.
      if (id !== state().id) return run({ t: "flush" });
      return run({ t: "replace", base: baseOf(metadata as Meta, content), kind: metadata.status });
    },
    revisions: async () => (await one<RevisionMetadataPage>("GET", "/revisions")).items,
    revision: (version) => one<RevisionContent>("GET", `/revisions/${version}`),
    async restore(version) {
      const before = await run({ t: "flush" });
      return before.dirty ? before : run({ t: "restore", version });
    },
    async share(options = {}) {
      const { status, dirty } = await run({ t: "flush" });
      if (dirty) throw new Problem(status, 0, "What is shown could not be saved, so it cannot be shared.");
      const { encrypted, ...others } = options;
      const { text } = state(); // what is saved, whatever is typed from now on
      const urlOf = (id: string): string => new URL(`${baseUrl}/snapshots/${id}`, location.href).href;
      if (encrypted) {
        const { createSealed } = await import("./sealed.js");
        const { id, key } = await createSealed(Problem, ask, newId).share(text, mediaType, others);
        return { id, url: `${urlOf(id)}#${key}` };
      }
      const body = { sessionId: state().id, ...others };
      const id = await ask<string>("POST", "/snapshots", body, { "Idempotency-Key": newId() });
      return { id, url: urlOf(id) };
    },
  };
}
