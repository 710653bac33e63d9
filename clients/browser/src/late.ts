/** A chunk of its own: what a page needs after its first edits. It gets the parts of the core, so that it has no
 * second copy of them, and the core stays one file. */

import { asideOf, createArchive } from "./archive.js";
import { createAsk } from "./calls.js";
import { createCommands, type Commands } from "./commands.js";
import type { DocumentShared, Handle, Managed } from "./document.js";
import type { Entry } from "./entry.js";
import type { answerOf, Problem, problemOf } from "./http.js";
import type { Key, local, nameOf, pathOf } from "./journal.js";
import { createDecisions } from "./decisions.js";
import { createLists, type Lists } from "./lists.js";
import type { start, teach } from "./machine.js";
import type { State } from "./model.js";
import { createResume, leftOf, type Resume } from "./opening.js";
import { createRecovery, type Recovery } from "./recovery.js";
import type { attempt, baseOf, begin, calm, conflictOf, journal, theirsOf } from "./steps.js";
import type { OpenOptions } from "./types.js";

/** What the core lends. */
export interface Core extends DocumentShared {
  answerOf: typeof answerOf;
  attempt: typeof attempt;
  baseOf: typeof baseOf;
  begin: typeof begin;
  calm: typeof calm;
  conflictOf: typeof conflictOf;
  keep: typeof journal;
  local: typeof local;
  nameOf: typeof nameOf;
  pathOf: typeof pathOf;
  Problem: typeof Problem;
  problemOf: typeof problemOf;
  start: typeof start;
  teach: typeof teach;
  theirsOf: typeof theirsOf;
  /** Returns who is signed in now or, if the server does not respond, who was last. */
  owner(): Promise<string>;
  documents: Set<Managed>;
  shared: DocumentShared;
  remember(owner?: string): string;
  /** Returns whether the document that wrote an entry is closed. */
  orphans(): Promise<(instance: string) => boolean>;
  instance(): string;
  create(o: OpenOptions, owner: string, instance: string, id: string, known: Partial<State>): Managed;
}

export interface Late extends Lists, Recovery {
  leftOf(owner: string, id: string): Promise<Entry | undefined>;
  resume: Resume;
  commands(of: Handle): Commands;
  /** Puts a text aside that a person gave up. */
  keepAside(of: Key & { title: string }, text: string): Promise<void>;
  forgetDevice(): Promise<void>;
}

export function createLate(core: Core): Late {
  const ask = createAsk(core);
  const archive = createArchive(core);
  core.shared.device ??= deviceOf(navigator.userAgent);
  core.teach(createDecisions(core));
  return {
    ...createLists(ask, core.newId),
    ...createRecovery(core, archive),
    leftOf: (owner, id) => leftOf(core, archive, owner, id),
    resume: createResume(core, archive),
    commands: (of) => createCommands(of, core, ask),
    keepAside: (of, text) => archive.aside(asideOf(of, "kept", text)),
    async forgetDevice() {
      // After signing out, it is still the person who was signed in last.
      const last = core.remember();
      const owner = (await core.owner()) || last;
      core.documents.forEach((one) => one.stop());
      await archive.forget(owner);
      core.remember("");
    },
  };
}

function deviceOf(agent: string): string {
  const first = (names: string): string | undefined => names.split(" ").find((name) => agent.includes(name));
  const browser = first("Edg OPR Firefox Chrome Safari") ?? "Browser";
  const system = first("Windows Android iPhone iPad Mac CrOS Linux");
  return system ? `${browser} on ${system}` : browser;
}
