/** The state machine of a document. Pure: `next(state, event)` returns the state after it, and what is to be done. */

import { answers, type Answers } from "./answers.js";
import { baseOf, begin, calm, dirty, failed, journal, later, load, meet, renamed, touch } from "./steps.js";
import type { Answer, Config, Effect, Event, State } from "./model.js";

export function start(id: string, seed: string, config: Config, known: Partial<State> = {}): State {
  const base = known.base ?? null;
  return {
    id,
    seed,
    count: 0,
    kind: "new",
    title: base?.title ?? "",
    base,
    text: base?.text ?? "",
    snapped: base ? 0 : -1,
    edits: 0,
    kept: 0,
    acked: 0,
    attempt: null,
    trouble: "",
    conflict: null,
    rename: null,
    promote: false,
    auto: true,
    whole: false,
    deltas: false,
    rush: 0,
    loading: false,
    seen: base?.version ?? 0,
    missing: 0,
    failing: false,
    visible: true,
    config,
    idle: config.poll,
    tries: 0,
    retryAt: 0,
    size: 0,
    limit: 0,
    stuck: 0,
    copied: null,
    recovered: 0,
    ...known,
  };
}

type Handlers = {
  [T in Event["t"]]: (s: State, e: Extract<Event, { t: T }>, out: Effect[]) => void;
};

/** What a person decides about a document, and what others save. These are loaded after the first edits. */
export type Decisions = Pick<Handlers, "resolve" | "replace" | "undo" | "fork" | "restore">;
export type Watch = Pick<Handlers, "opened" | "poll" | "polled" | "news" | "removed" | "check" | "journal">;
type Late = Decisions & Watch;

export function teach(late: Late, more: Answers): void {
  Object.assign(on, late);
  Object.assign(answers, more);
}

const on: Omit<Handlers, Exclude<keyof Late, "journal">> & Partial<Late> = {
  edit(s, _, out) {
    s.edits++;
    s.idle = s.config.poll;
    if (s.trouble === "refused") calm(s);
    out.push(["timer", "journal", s.config.journalAfter, 1000], later(s));
  },

  text(s, e) {
    s.text = e.text;
    s.snapped = s.edits;
    if (s.conflict) s.conflict = { ...s.conflict, mine: e.text };
  },

  journal(s, _, out) {
    journal(s, out);
  },

  send(s, _, out) {
    // An attempt with an unknown outcome has its own rhythm.
    if (s.attempt?.at !== 2) begin(s, out);
  },

  retry(s, _, out) {
    if (s.loading) out.push(["load"]);
    else begin(s, out);
  },

  kept(s, e, out) {
    s.failing = !e.ok;
    if (!e.ok) out.push(["timer", "journal", 10_000]);
    else s.kept = Math.max(s.kept, e.edits);
    if (s.attempt?.at === 0 && s.attempt.key === e.key) {
      s.attempt = { ...s.attempt, at: 1 };
      out.push(["send"]);
    }
  },

  answer(s, e, out) {
    const a = s.attempt;
    if (a?.key !== e.key) return;
    const { r } = e;
    if (r.k === "lost") {
      s.attempt = { ...a, at: 2 };
      failed(s, e, out);
    } else {
      s.attempt = null;
      s.tries = 0;
      if (s.trouble === "offline") calm(s);
      answers[r.k as "gone"](s, a, r as never, out);
    }
  },

  loaded(s, e, out) {
    if (s.attempt?.at === 1) s.loading = false;
    if (!s.loading) return;
    const r = e.r;
    if (r.k === "lost" || (r.k === "ok" && r.meta.version < s.seen)) return failed(s, e, out);
    s.loading = false;
    s.tries = 0;
    if (r.k !== "missing") s.missing = 0;
    if (s.trouble === "offline") calm(s);
    if (r.k === "ok") meet(s, baseOf(r.meta, e.text), r.meta.status, out, e.id);
    else unknown(s, r, out);
  },

  unapplied(s, e) {
    // If it was sent, the next edit would overwrite the text that was not shown.
    if (s.text === s.base?.text) s.attempt = null;
    s.base = e.base;
    s.trouble = "refused";
    s.error = e.error;
  },

  who(s, e, out) {
    if (e.r === "other") {
      s.trouble = "signed_out";
      s.missing = 0;
    } else if (e.r === "same" && s.trouble === "signed_out") {
      // Somebody else may have been signed in when the document was not found.
      if (s.missing === 1) return load(s, out);
      if (s.missing) s.trouble = "gone";
      else {
        calm(s);
        begin(s, out);
      }
      s.missing = 0;
    }
  },

  hide(s, _, out) {
    s.visible = false;
    out.push(["timer", "poll", 0]);
    if (!dirty(s)) return;
    const before = s.attempt;
    begin(s, out, true);
    // The mirror comes before the request, as every record of an attempt does.
    if (s.attempt !== before || s.kept < s.edits) out.unshift(["mirror"], ["keep", true]);
  },

  show(s, _, out) {
    s.visible = true;
    s.idle = s.config.poll;
    if (s.trouble === "no_room") calm(s);
    on.online(s, { t: "online" }, out);
  },

  online(s, _, out) {
    if (s.trouble === "signed_out") out.push(["who"]);
    // It may have been restored, or it was another person who did not find it.
    else if (s.loading || s.trouble === "gone") load(s, out);
    else if (dirty(s)) begin(s, out);
    on.poll?.(s, { t: "poll" } as never, out);
  },

  flush(s, _, out) {
    s.rush = s.edits;
    begin(s, out);
  },

  save(s, e, out) {
    if (e.rename) renamed(s, e.rename);
    s.promote = s.kind === "new" || s.kind === "draft";
    if (s.promote) touch(s);
    s.auto = false;
    s.rush = s.edits;
    if (s.trouble === "no_room" || s.trouble === "refused") calm(s);
    begin(s, out);
  },

  rename(s, e, out) {
    renamed(s, e.rename);
    begin(s, out);
  },
};

/** Takes the answer to a question about a document that is not to be seen. */
export function unknown(s: State, r: Answer, out: Effect[]): void {
  if (r.k === "gone" || r.k === "missing" || r.k === "out") answers[r.k](s, null!, r as never, out);
}

/** Returns the state after an event, and what is to be done, in this order. Changes nothing by itself. */
export function next(state: State, event: Event): [State, Effect[]] {
  const s = { ...state };
  const out: Effect[] = [];
  (on[event.t] as ((s: State, e: Event, out: Effect[]) => void) | undefined)?.(s, event, out);
  return [s, out];
}
