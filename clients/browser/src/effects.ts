/** Carries out the effects of one document: requests, the journal, timers, tabs. Reports what became of them. */

import type { Entry } from "./entry.js";
import { toEntry } from "./entry.js";
import { answerOf, type Http } from "./http.js";
import type { Journal, Key } from "./journal.js";
import type { Late } from "./late.js";
import type { Answer, Effect, Event, State, Timer } from "./model.js";
import type { Requests } from "./requests.js";
import type { Message } from "./others.js";
import type { ApplyInfo, OpenOptions } from "./types.js";

/** What the documents of a server have in common. */
export interface Shared {
  http: Http;
  journal: Journal;
  app: string;
  newId(): string;
  /** Asks the server who is signed in: "" for nobody, undefined if it does not respond. */
  who(): Promise<string | undefined>;
  /** Returns the headers with which the server knew a person last. */
  proof(owner: string): object | undefined;
  late(): Promise<Late>;
  /** Packs what a closing page would send. */
  ahead(state: State, requests: Requests): Promise<void> | void;
  /** Tells other documents of this browser. */
  tell(message: Message): void;
  signedOut(): void;
  report(error: unknown): void;
}

interface Effects {
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

/** A write to the journal that has not begun. `stop` ends it before. */
interface Keeping {
  strict: boolean;
  stop?: true;
}

type Rest<T extends unknown[]> = T extends [unknown, ...infer R] ? R : never;

export function createEffects(
  shared: Shared,
  o: OpenOptions,
  owner: Owner,
  instance: string,
  requests: Requests,
  state: () => State,
  dispatch: (event: Event) => void,
): Effects {
  const { http, journal, report } = shared;
  const timers = new Map<Timer, { id: ReturnType<typeof setTimeout>; since: number }>();
  const asking = new Set<string>();
  let writes = Promise.resolve();
  let queued: Keeping | undefined;

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
      Math.min(ms, since + max - now),
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
    const mine: Keeping = { strict };
    write(async () => {
      if (mine.stop) return;
      if (queued === mine) queued = undefined;
      const now = entry();
      const ok = await journal.put(now, mine.strict);
      dispatch({ t: "kept", edits: now.edits, key: now.attempt?.key, ok });
      if (!now.attempt) await shared.ahead(state(), requests);
    });
    queued = mine;
    http.renew().catch(report);
  }

  async function send(now: boolean): Promise<void> {
    const before = state();
    const { key, form } = before.attempt!;
    const answer = (r: Answer): void => dispatch({ ...outcome(), t: "answer", key, r });
    try {
      let as = now ? http.last() : undefined;
      if (form === "create" || form === "copy") {
        // A new document belongs to the person of the request, so it has the headers of the owner.
        const found = now ? "same" : await whose();
        as = shared.proof(owner.id);
        if (found !== "same" || !as) return answer({ k: found === "other" ? "out" : "lost" });
      }
      const sent = http.send(now ? requests.now(before) : await requests.packed(before), as);
      const reply = await sent;
      let r = answerOf(reply);
      if (r.k === "more" || (r.k === "ok" && (form === "copy" || form === "restore"))) {
        // Without that chunk, it is repeated until the chunk is there.
        r = await shared.late().then(
          (late) => late.meaningOf(reply, form),
          () => ({ k: "lost" }),
        );
      }
      answer(r.k === "ok" && r.meta.ownerId !== owner.id ? { k: "out" } : r);
    } catch (error) {
      report(error);
      answer({ k: "lost" }); // what cannot even be made is tried again: a later state may be
    }
  }

  async function whose(): Promise<"same" | "other" | "lost"> {
    const id = await shared.who();
    if (id === undefined) return "lost";
    // What was begun by nobody belongs to the person who signed in.
    if (id && !owner.id) await (await shared.late()).adopt(entry(), owner, id);
    return id && id === owner.id ? "same" : "other";
  }

  async function ask(what: "load" | "poll" | "who"): Promise<void> {
    const { id, base } = state();
    const question = what + id;
    if (asking.has(question)) return;
    asking.add(question);
    try {
      if (what === "who") return dispatch({ t: "who", r: await whose() });
      const isLoad = what === "load";
      const reply = await http.send({
        method: "GET",
        path: `/sessions/${isLoad ? "" : "metadata/"}${id}`,
        headers: isLoad || !base ? {} : { "If-None-Match": base.etag },
      });
      // It may have been continued under a new id.
      if (id !== state().id) return;
      const r = answerOf(reply);
      if (!isLoad) return dispatch({ t: "polled", r });
      dispatch({ ...outcome(), t: "loaded", r, text: reply.body?.content ?? "", id: shared.newId() });
    } finally {
      asking.delete(question);
    }
  }

  const questions = (what: "load" | "poll" | "who") => () => void ask(what).catch(report);
  const performers: { [T in Effect[0]]: (...all: Rest<Extract<Effect, [T, ...unknown[]]>>) => void } = {
    timer,
    keep: (strict) => keep(!!strict),
    mirror: () => journal.mirror(entry()),
    drop(other) {
      const { id, acked } = state();
      write(() => journal.remove(keyOf(other ?? id), other ? undefined : acked));
    },
    aside(text) {
      // It would write the state without this text too early. What follows writes it anyway.
      if (queued) queued.stop = true;
      write(async () => (await shared.late()).keepAside({ ...keyOf(), title: state().title }, text));
    },
    send: (now) => void send(!!now),
    load: questions("load"),
    poll: questions("poll"),
    who: questions("who"),
    apply(text, base) {
      try {
        o.apply(text, PLAIN);
      } catch (error) {
        report(error);
        dispatch({ t: "unapplied", base, error: String(error) });
      }
    },
    tell() {
      const { id, base } = state();
      shared.tell({ t: "saved", owner: owner.id, id, version: base!.version });
    },
    out: shared.signedOut,
  };

  return {
    perform: ([name, ...rest]) => (performers[name] as (...all: unknown[]) => void)(...rest),
    written: () => writes,
    key: keyOf,
    stop: () => timers.forEach(({ id }) => clearTimeout(id)),
  };
}

export const PLAIN: ApplyInfo = { recovered: false, schema: undefined };

const outcome = () => ({ now: Date.now(), random: Math.random() });
