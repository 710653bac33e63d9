/** Carries out the effects of one document: requests, the journal, timers, tabs. Reports what became of them. */

import type { Entry } from "./entry.js";
import { toEntry } from "./entry.js";
import { answerOf, type Http } from "./http.js";
import type { Journal, Key } from "./journal.js";
import type { Late } from "./late.js";
import type { Answer, Effect, Event, State, Timer } from "./model.js";
import type { Requests } from "./requests.js";
import { begin } from "./steps.js";
import type { Tabs } from "./tabs.js";
import type { ApplyInfo, OpenOptions } from "./types.js";

/** What the documents of a server have in common. */
export interface Shared {
  http: Http;
  journal: Journal;
  tabs: Tabs;
  app: string;
  newId(): string;
  /** Asks the server who is signed in: "" for nobody, undefined if it does not respond. */
  who(): Promise<string | undefined>;
  /** Returns the headers with which the server knew a person last. */
  proof(owner: string): object | undefined;
  late(): Promise<Late>;
  signedOut(): void;
  report(error: unknown): void;
}

export interface Effects {
  perform(effect: Effect): void;
  /** Resolves when the journal has done what was asked until now. */
  written(): Promise<void>;
  key(): Key;
  stop(): void;
}

/** Whose a document is. It changes once, if it was begun before signing in. */
export interface Owner {
  id: string;
}

const PREPARE_FROM_CHARACTERS = 16 * 1024;

export function createEffects(
  shared: Shared,
  o: OpenOptions,
  owner: Owner,
  instance: string,
  requests: Requests,
  state: () => State,
  dispatch: (event: Event) => void,
): Effects {
  const { http, journal, tabs, report } = shared;
  const timers = new Map<Timer, { id: ReturnType<typeof setTimeout>; since: number }>();
  const asking = new Set<string>();
  let writes = Promise.resolve();
  let queued: { strict: boolean } | undefined;

  const keyOf = (id = state().id): Key => ({ owner: owner.id, app: shared.app, id, instance });
  const entry = (): Entry => ({
    ...toEntry(state()),
    ...keyOf(),
    format: 1,
    mediaType: o.mediaType ?? null,
    schema: o.schema ?? null,
    at: Date.now(),
  });

  function timer(name: Timer, ms: number, max = Infinity): void {
    const old = timers.get(name);
    clearTimeout(old?.id);
    timers.delete(name);
    if (!ms) return;
    const now = performance.now();
    const since = max < Infinity ? (old?.since ?? now) : now;
    const id = setTimeout(
      () => {
        timers.delete(name);
        dispatch({ t: name });
      },
      Math.max(0, Math.min(ms, since + max - now)),
    );
    timers.set(name, { id, since });
  }

  /** Writes keep their order. */
  function write(work: () => Promise<void>): void {
    queued = undefined;
    writes = writes.then(work).catch(report);
  }

  function keep(strict: boolean): void {
    if (queued) {
      queued.strict ||= strict;
      return;
    }
    const mine = { strict };
    write(async () => {
      if (queued === mine) queued = undefined;
      const now = entry();
      const ok = await journal.put(now, mine.strict);
      dispatch({ t: "kept", edits: now.edits, key: now.attempt?.key, ok });
      if (!now.attempt && now.content.length > PREPARE_FROM_CHARACTERS) await prepare();
    });
    queued = mine;
    http.renew().catch(report);
  }

  /** Packs what a closing page would send, if that cannot be a delta. */
  async function prepare(): Promise<void> {
    const next = { ...state() };
    begin(next, []);
    if (next.attempt?.whole) await requests.prepare(next);
  }

  async function send(now: boolean): Promise<void> {
    const before = state();
    const { key, form } = before.attempt!;
    const answer = (r: Answer): void => dispatch({ ...outcome(), t: "answer", key, r });
    let as = now ? http.last() : undefined;
    if (form === "create" || form === "copy") {
      // A new document belongs to the person of the request, so it has the headers of the owner.
      const found = now ? "same" : await whose();
      as = shared.proof(owner.id);
      if (found !== "same" || !as) return answer({ k: found === "other" ? "out" : "lost" });
    }
    const sent = http.send(now ? requests.now(before) : await requests.packed(before), as);
    const r = answerOf(await sent);
    answer(r.k === "ok" && r.meta.ownerId !== owner.id ? { k: "out" } : r);
  }

  /** What cannot even be made is tried again: a later state may be. */
  function unsent(error: unknown): void {
    report(error);
    const { attempt } = state();
    if (attempt) dispatch({ ...outcome(), t: "answer", key: attempt.key, r: { k: "lost" } });
  }

  async function whose(): Promise<"same" | "other" | "lost"> {
    const id = await shared.who();
    if (id === undefined) return "lost";
    if (id && !owner.id) await adopt(id);
    return id && id === owner.id ? "same" : "other";
  }

  /** Moves what was begun by nobody to the person who signed in. */
  async function adopt(id: string): Promise<void> {
    const old = keyOf();
    owner.id = id;
    if (await journal.put(entry())) await journal.remove(old);
  }

  async function ask(what: "load" | "poll" | "who"): Promise<void> {
    if (asking.has(what)) return;
    asking.add(what);
    try {
      const { id, base } = state();
      if (what === "who") {
        dispatch({ t: "who", r: await whose() });
      } else if (what === "load") {
        const reply = await http.send({ method: "GET", path: `/sessions/${id}` });
        const r = answerOf(reply);
        dispatch({ ...outcome(), t: "loaded", r, text: reply.body?.content ?? "", id: shared.newId() });
      } else {
        const headers = base ? { "If-None-Match": base.etag } : {};
        const reply = await http.send({ method: "GET", path: `/sessions/metadata/${id}`, headers });
        dispatch({ t: "polled", r: answerOf(reply) });
      }
    } finally {
      asking.delete(what);
    }
  }

  function perform(effect: Effect): void {
    const [name, first, second] = effect;
    switch (name) {
      case "timer":
        return timer(first, effect[2], effect[3]);
      case "keep":
        return keep(!!first);
      case "mirror":
        return void journal.mirror(entry());
      case "drop": {
        const { id, acked } = state();
        return write(() => journal.remove(keyOf(first ?? id), first ? undefined : acked));
      }
      case "aside":
        return write(async () =>
          (await shared.late()).keepAside({ ...keyOf(), title: state().title }, first),
        );
      case "send":
        return void send(!!first).catch(unsent);
      case "load":
      case "poll":
      case "who":
        return void ask(name).catch(report);
      case "apply":
        try {
          return o.apply(first, PLAIN);
        } catch (error) {
          report(error);
          return dispatch({ t: "unapplied", base: second as State["base"], error: String(error) });
        }
      case "tell": {
        const { id, base } = state();
        const to = { owner: owner.id, id };
        return tabs.tell(
          first === "gone" ? { t: "gone", ...to } : { t: "saved", ...to, version: base!.version },
        );
      }
      case "out":
        return shared.signedOut();
    }
  }

  return {
    perform,
    written: () => writes,
    key: keyOf,
    stop: () => timers.forEach(({ id }) => clearTimeout(id)),
  };
}

const PLAIN: ApplyInfo = { recovered: false, schema: undefined };

const outcome = () => ({ now: Date.now(), random: Math.random() });
