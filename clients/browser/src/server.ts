/** A server, as a page sees it: who is signed in, its open documents, and what earlier pages have left. */

import { loader } from "./chunks.js";
import { PLAIN } from "./effects.js";
import type { Account } from "./account.js";
import { createDocument, type DocumentShared, type Managed, type OpenDocument } from "./document.js";
import { answerOf, createHttp, Problem, problemOf } from "./http.js";
import { createJournal, local, nameOf, pathOf } from "./journal.js";
import { Name } from "./names.js";
import type { Core } from "./late.js";
import type { Lists } from "./lists.js";
import { start, teach, unknown } from "./machine.js";
import type { Shared } from "./sealed.js";
import type { Config, State } from "./model.js";
import { watchPage } from "./page.js";
import type { Recovery } from "./recovery.js";
import { attempt, baseOf, begin, calm, conflictOf, journal as keep, later, load, meet, theirsOf } from "./steps.js";
import { createPresence } from "./tabs.js";
import type { Packing } from "./requests.js";
import type { ConnectOptions, OpenOptions } from "./types.js";
import type { Me } from "./wire.gen.js";

export interface Server extends Account, Lists, Recovery {
  /** Opens a session or draft, or begins a draft. Rejects with a Problem if there is nothing to show. */
  open(options: OpenOptions): Promise<OpenDocument>;
  /** Opens a link of `share`, encrypted or not. Opening it counts as a visit. Rejects with a Problem. */
  openShared(url: string): Promise<Shared>;
  /** Removes everything of this person from this device, also what is not saved. Open documents are let go. */
  forgetDevice(): Promise<void>;
}

const WHO_MS = 3000;

/** The names that the build makes. */
const LATE = "./late-[hash].js";
const DELTA = "./delta-[hash].js";

/** Until the late chunk is there. */
const none = (): void => undefined;

/** 12 characters, as the server's own ids. */
const newId = (): string =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(9)))).replace(/\W/g, "-");

export function connect(o: ConnectOptions): Server {
  const baseUrl = o.baseUrl.replace(/\/$/, "");
  const app = o.app ?? "";
  const report = o.onError ?? console.error;
  const http = createHttp({ ...o, baseUrl });
  const journal = createJournal();
  const documents = new Set<Managed>();
  const presence = createPresence(newId(), report);
  let packing: (() => Packing) | undefined;
  let owner: string | undefined;
  let proof: object | undefined;
  let isOut = false;

  async function who(): Promise<string | undefined> {
    const { status, body, as } = await http.send({ method: "GET", path: "/me" });
    const found = status === 401 ? "" : (body as Me | null)?.ownerId;
    if (found === undefined) return;
    if (found) isOut = false;
    if (found !== owner) shared.tell({ t: "owner", owner: found });
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

  const each = (t: "hide" | "show" | "online" | "opened") => () => documents.forEach((one) => one.dispatch({ t }));
  function shownAgain(): void {
    each("show")();
    if (documents.size && !packing) prepare();
  }

  watchPage({ hide: each("hide"), show: shownAgain, online: each("online"), ...presence });

  const late = loader(
    LATE,
    () => import("./late.js"),
    (part) => part.createLate(core),
  );
  const delta = loader(
    DELTA,
    () => import("./delta.js"),
    (part) => part.createPacking,
  );

  const shared: DocumentShared = {
    http,
    journal,
    app,
    baseUrl,
    device: o.deviceInfo,
    newId,
    who,
    proof: (of) => (of === owner ? proof : undefined),
    report,
    packing: () => packing?.(),
    stopped(one) {
      documents.delete(one);
      shared.changed();
    },
    changed: none,
    tell: none,
    ahead: none,
    persist: none,
    late,
    signedOut() {
      if (!isOut) o.onSignedOut?.();
      isOut = true;
    },
  };

  /** Loads what comes after the first edits. Without it, contents are sent whole, and nobody looks for others. */
  function prepare(): void {
    Promise.all([delta(), late()]).then(([create]) => {
      packing = create;
      each("opened")();
    }, report);
  }

  let opened = 0;
  const core: Core = {
    ...shared,
    answerOf,
    attempt,
    baseOf,
    begin,
    calm,
    conflictOf,
    keep,
    later,
    load,
    local,
    meet,
    nameOf,
    pathOf,
    Problem,
    problemOf,
    start,
    teach,
    theirsOf,
    unknown,
    owner: known,
    documents,
    shared,
    remember,
    instance: () => `${presence.instance}.${++opened}`,
    create(options, whose, instance, id, from) {
      const visible = document.visibilityState !== "hidden";
      const state = start(id, newId() + newId(), configOf(options), { visible, ...from });
      const one = createDocument(shared, options, { id: whose }, instance, state);
      documents.add(one);
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
    const resumed = left && [whose, ""].includes(left.owner) && (await (await late()).resume(o, whose, left, base, loaded));
    if (resumed) return resumed;
    if (r.k !== "ok") throw problemOf(reply);
    o.apply(text, PLAIN);
    const kind = r.meta.status;
    return create({ base, kind, trouble: kind === "closed" ? "read_only" : "" });
  }

  /** A function of the late chunk. */
  const lateCall =
    (name: string, of?: string): any =>
    async (...all: unknown[]) => {
      const found = (await late()) as any;
      return (of ? found[of] : found)[name](...all);
    };
  /** Has every function that the late chunk has. It is no promise. */
  const group = (of: string): any =>
    new Proxy({}, { get: (_, name: string) => (name === "then" ? undefined : lateCall(name, of)) });
  const names = "recoverable claim setAside usage forgetDevice openShared".split(" ");
  const groups = "sessions drafts snapshots trash activity account".split(" ");

  return Object.fromEntries([
    ["open", open],
    ...names.map((name) => [name, lateCall(name)]),
    ...groups.map((name) => [name, group(name)]),
  ]);
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
    if (owner !== undefined) localStorage[Name.Owner] = owner;
    return localStorage[Name.Owner] ?? "";
  } catch {
    return ""; // without storage, there is no journal either
  }
}
