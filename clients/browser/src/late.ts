/** A chunk of its own: what a page needs after its first edits. It gets the parts of the core, so that it has no
 * second copy of them, and the core stays one file. */

import { createAccount, type Account } from "./account.js";
import { asideOf, createArchive } from "./archive.js";
import { createAsk } from "./calls.js";
import { createCommands, type Commands } from "./commands.js";
import type { DocumentShared, Handle, Managed } from "./document.js";
import type { Owner } from "./effects.js";
import type { Entry } from "./entry.js";
import type { answerOf, Problem, problemOf, Reply } from "./http.js";
import type { Key, local, nameOf, pathOf } from "./journal.js";
import { createDecisions } from "./decisions.js";
import { createGuard } from "./guard.js";
import { createLists, type Lists } from "./lists.js";
import type { start, teach, unknown } from "./machine.js";
import type { Answer, Form, State } from "./model.js";
import { createResume, leftOf, type Resume } from "./opening.js";
import { createOthers } from "./others.js";
import { createRecovery, type Recovery } from "./recovery.js";
import { createRefusals, createShrinking, meaningOf } from "./refusals.js";
import type {
  attempt,
  baseOf,
  begin,
  calm,
  conflictOf,
  journal,
  later,
  load,
  meet,
  theirsOf,
} from "./steps.js";
import type { Shared } from "./sealed.js";
import type { OpenOptions } from "./types.js";
import { createWatch } from "./watch.js";

/** What the core lends. */
export interface Core extends DocumentShared {
  answerOf: typeof answerOf;
  attempt: typeof attempt;
  baseOf: typeof baseOf;
  begin: typeof begin;
  calm: typeof calm;
  conflictOf: typeof conflictOf;
  keep: typeof journal;
  later: typeof later;
  load: typeof load;
  meet: typeof meet;
  local: typeof local;
  nameOf: typeof nameOf;
  pathOf: typeof pathOf;
  Problem: typeof Problem;
  problemOf: typeof problemOf;
  start: typeof start;
  teach: typeof teach;
  theirsOf: typeof theirsOf;
  unknown: typeof unknown;
  /** Returns who is signed in now or, if the server does not respond, who was last. */
  owner(): Promise<string>;
  documents: Set<Managed>;
  shared: DocumentShared;
  remember(owner?: string): string;
  instance(): string;
  create(o: OpenOptions, owner: string, instance: string, id: string, known: Partial<State>): Managed;
}

export interface Late extends Account, Lists, Recovery {
  openShared(url: string): Promise<Shared>;
  leftOf(owner: string, id: string): Promise<Entry | undefined>;
  resume: Resume;
  commands(of: Handle): Commands;
  meaningOf(reply: Reply, form: Form): Answer;
  /** Puts a text aside that a person gave up. */
  keepAside(of: Key & { title: string }, text: string): Promise<void>;
  /** Gives a document of nobody, which is open, to a person. */
  adopt(entry: Entry, from: Owner, id: string): Promise<void>;
  forgetDevice(): Promise<void>;
}

const AHEAD_FROM_CHARACTERS = 16 * 1024;

export function createLate(core: Core): Late {
  const ask = createAsk(core);
  const archive = createArchive(core);
  const { shared } = core;
  shared.device ??= deviceOf(navigator.userAgent);
  core.teach(
    { ...createDecisions(core), ...createWatch(core), ...createShrinking(core) },
    createRefusals(core),
  );
  const { orphans } = createOthers(core);
  shared.changed = createGuard(core.documents);
  shared.changed();
  shared.persist = persistOnce(core.report);
  /** If it cannot be a delta. */
  shared.ahead = async (state, requests) => {
    const next = { ...state };
    if (next.text.length > AHEAD_FROM_CHARACTERS) core.begin(next, []);
    if (next.attempt?.whole) await requests.prepare(next);
  };
  const keepAside: Late["keepAside"] = (of, text) => archive.aside(asideOf(of, "kept", text));
  return {
    ...createAccount(ask),
    ...createLists(ask, core.newId),
    ...createRecovery(core, archive, orphans),
    leftOf: (owner, id) => leftOf(core, archive, orphans, owner, id),
    resume: createResume(core, archive),
    meaningOf: (reply, form) => meaningOf(core, reply, form),
    openShared: async (url) => (await import("./sealed.js")).createSealed(core.Problem, ask, core.newId).open(url),
    commands: (of) => createCommands(of, core, ask, keepAside),
    keepAside,
    async adopt(entry, from, id) {
      from.id = id;
      if (await core.journal.put({ ...entry, owner: id })) await core.journal.remove(entry);
    },
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

function persistOnce(report: (error: unknown) => void): () => void {
  let isAsked = false;
  return () => {
    if (!isAsked) navigator.storage?.persist?.().catch(report);
    isAsked = true;
  };
}

function deviceOf(agent: string): string {
  const first = (names: string): string | undefined => names.split(" ").find((name) => agent.includes(name));
  const browser = first("Edg OPR Firefox Chrome Safari") ?? "Browser";
  const system = first("Windows Android iPhone iPad Mac CrOS Linux");
  return system ? `${browser} on ${system}` : browser;
}
