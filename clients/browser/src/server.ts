/** A server, as a page sees it: who is signed in, its open documents, and what earlier pages have left. */

import { createDocument, type DocumentShared, type Managed, type OpenDocument } from "./document.js";
import { answerOf, createHttp, Problem, problemOf } from "./http.js";
import { createJournal, local, nameOf, pathOf } from "./journal.js";
import type { Core, Late } from "./late.js";
import type { Lists } from "./lists.js";
import { start, teach } from "./machine.js";
import type { Config, State } from "./model.js";
import { watchPage } from "./page.js";
import type { Recovery } from "./recovery.js";
import { attempt, baseOf, begin, calm, conflictOf, journal as keep, theirsOf } from "./steps.js";
import { createTabs, type Message } from "./tabs.js";
import type { Encoder } from "./requests.js";
import type { ConnectOptions, OpenOptions } from "./types.js";
import type { Me } from "./wire.gen.js";

export interface Server extends Lists, Recovery {
  /** Opens a session or draft, or begins a draft. Rejects with a Problem if there is nothing to show. */
  open(options: OpenOptions): Promise<OpenDocument>;
  /** Removes everything of this person from this device, also what is not saved. Open documents are let go. */
  forgetDevice(): Promise<void>;
}

const WHO_MS = 3000;

/** 12 characters, as the server's own ids. */
export const newId = (): string =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(9))))
    .replaceAll("+", "-")
    .replaceAll("/", "_");

export function connect(o: ConnectOptions): Server {
  const baseUrl = o.baseUrl.replace(/\/$/, "");
  const app = o.app ?? "";
  const report = o.onError ?? ((error: unknown): void => console.error("Savepoint:", error));
  const http = createHttp({ ...o, baseUrl });
  const journal = createJournal();
  const documents = new Set<Managed>();
  const tabs = createTabs(newId(), hear, report);
  let encoder: Encoder | undefined;
  let owner: string | undefined;
  let proof: object | undefined;
  let isOut = false;
  let isAsked = false;

  async function who(): Promise<string | undefined> {
    const { status, body, as } = await http.send({ method: "GET", path: "/me" });
    const found = status === 401 ? "" : (body as Me | null)?.ownerId;
    if (found === undefined) return;
    if (found) isOut = false;
    if (found !== owner) tabs.tell({ t: "owner", owner: found });
    owner = found;
    proof = as;
    remember(found);
    return found;
  }

  /** Without a connection, the person is the one who was here last. */
  async function known(): Promise<string> {
    const none = new Promise<undefined>((done) => setTimeout(done, WHO_MS));
    return (await Promise.race([who(), none])) ?? owner ?? remember();
  }

  function hear(message: Message): void {
    for (const one of documents) {
      if (message.t === "owner") one.dispatch({ t: "check" });
      else if ("id" in message && message.owner === one.owner.id && message.id === one.id) {
        one.dispatch(message.t === "saved" ? { t: "news", version: message.version } : { t: "removed" });
      }
    }
  }

  const each = (t: "hide" | "show" | "online") => () => documents.forEach((one) => one.dispatch({ t }));
  const page = watchPage({
    hide: each("hide"),
    show: each("show"),
    online: each("online"),
    leave: tabs.leave,
    enter: tabs.enter,
  });

  let loading: Promise<Late> | undefined;
  const late = (): Promise<Late> =>
    (loading ??= import("./late.js").then(
      (module) => module.createLate(core),
      (error) => {
        loading = undefined;
        throw error;
      },
    ));

  const shared: DocumentShared = {
    http,
    journal,
    tabs: { ...tabs, tell },
    app,
    baseUrl,
    device: o.deviceInfo,
    newId,
    who,
    proof: (of) => (of === owner ? proof : undefined),
    report,
    encoder: () => encoder,
    stopped: (one) => {
      documents.delete(one);
      guard();
    },
    changed: guard,
    late,
    persist() {
      if (!isAsked) navigator.storage?.persist?.().catch(report);
      isAsked = true;
    },
    signedOut() {
      if (!isOut) o.onSignedOut?.();
      isOut = true;
    },
  };

  /** Other documents of this page hear it, too. */
  function tell(message: Message): void {
    tabs.tell(message);
    hear(message);
  }

  function guard(): void {
    page.guard([...documents].some((one) => one.unsafe()));
  }

  /** Loads what the next save and a page without connection need. Without it, contents are sent whole. */
  function prepare(): void {
    if (encoder) documents.forEach((one) => one.dispatch({ t: "deltas" }));
    else {
      Promise.all([import("./delta.js"), late()]).then(([module]) => {
        encoder = module.encoder;
        prepare();
      }, report);
    }
  }

  /** Whether the page of an entry is gone, or its document was closed. */
  async function orphans(): Promise<(instance: string) => boolean> {
    const isAlive = await tabs.alive();
    return (instance) => !isAlive(instance) && ![...documents].some((one) => one.instance === instance);
  }

  let opened = 0;
  const core: Core = {
    ...shared,
    ...{
      answerOf,
      attempt,
      baseOf,
      begin,
      calm,
      conflictOf,
      keep,
      local,
      nameOf,
      pathOf,
      Problem,
      problemOf,
      start,
      teach,
    },
    theirsOf,
    owner: known,
    documents,
    shared,
    remember,
    orphans,
    instance: () => `${tabs.instance}.${++opened}`,
    create(options, whose, instance, id, from) {
      const visible = document.visibilityState !== "hidden";
      const state = start(id, newId() + newId(), configOf(options), { visible, ...from });
      const one = createDocument(shared, options, { id: whose }, instance, state);
      documents.add(one);
      one.dispatch({ t: "opened" });
      prepare();
      return one;
    },
  };

  async function open(o: OpenOptions): Promise<OpenDocument> {
    const id = o.id ?? newId();
    const before = shown(o);
    let whose = await known();
    // Somebody may type meanwhile. That stays on the screen, and what an earlier page left stays in the journal.
    const isTyped = (): boolean => before !== undefined && before !== shown(o);
    const create = (from: Partial<State>): Managed => core.create(o, whose, core.instance(), id, from);
    if (!o.id) {
      const one = create({ title: o.title ?? "" });
      if (isTyped()) one.changed();
      return one;
    }
    const [reply, left] = await Promise.all([
      http.send({ method: "GET", path: `/sessions/${encodeURIComponent(id)}` }),
      late()
        .then((more) => more.leftOf(whose, id))
        .catch(report), // then what an earlier page left stays where it is
    ]);
    const r = answerOf(reply);
    // Another person may have signed in since.
    if (r.k === "ok") whose = r.meta.ownerId;
    const text: string = reply.body?.content ?? "";
    const base = r.k === "ok" ? baseOf(r.meta, text) : null;
    const loaded = { t: "loaded", r, text, id: newId(), now: Date.now(), random: 0 } as const;
    if (base && isTyped()) {
      const typed = create({ edits: 1, loading: true });
      typed.dispatch(loaded);
      return typed;
    }
    const isOurs = left?.owner === whose || left?.owner === "";
    const resumed = isOurs && (await (await late()).resume(o, whose, left, base, loaded));
    if (resumed) return resumed;
    if (r.k !== "ok") throw problemOf(reply);
    o.apply(text, { recovered: false, schema: undefined });
    const kind = r.meta.status;
    return create({ base, kind, trouble: kind === "closed" ? "read_only" : "" });
  }

  type Method = (...all: unknown[]) => Promise<any>;
  const later =
    (name: string, of?: string): Method =>
    async (...all) => {
      const found = (await late()) as any;
      return (of ? found[of] : found)[name](...all);
    };
  const group = (of: string, names: string): any =>
    Object.fromEntries(names.split(" ").map((name) => [name, later(name, of)]));

  return {
    open,
    recoverable: later("recoverable"),
    claim: later("claim"),
    setAside: later("setAside"),
    usage: later("usage"),
    sessions: group("sessions", "list get remove copy close reopen"),
    drafts: group("drafts", "list get remove"),
    snapshots: group("snapshots", "list get remove"),
    trash: group("trash", "list restore remove empty"),
    activity: group("activity", "list"),
    forgetDevice: later("forgetDevice"),
  };
}

const configOf = (o: OpenOptions): Config => ({
  journalAfter: o.journalAfter ?? 250,
  wait: o.wait ?? 2000,
  maxWait: o.maxWait ?? 30_000,
  poll: o.poll ?? 10_000,
  onConflict: o.onConflict ?? "ask",
});

function shown(o: OpenOptions): string | undefined {
  try {
    return o.serialize();
  } catch {
    return; // there is nothing to show yet
  }
}

/** Keeps who is signed in, if it is given. Returns who was last. */
function remember(owner?: string): string {
  try {
    if (owner !== undefined) localStorage.setItem("savepoint:owner", owner);
    return localStorage.getItem("savepoint:owner") ?? "";
  } catch {
    return ""; // without storage, there is no journal either
  }
}
