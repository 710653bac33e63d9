/** The state machine of a document. Pure: `next(state, event)` returns the state after it, and what is to be done. */

import { answers } from "./answers.js";
import { baseOf, begin, calm, dirty, failed, fetchTheirs, journal, later, load, meet, renamed, touch } from "./steps.js";
import type { Config, Effect, Event, State } from "./model.js";

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
    error: "",
    copied: null,
    recovered: 0,
    ...known,
  };
}

type Handlers = {
  [T in Event["t"]]: (s: State, e: Extract<Event, { t: T }>, out: Effect[]) => void;
};

/** What a person decides about a document. These are loaded before the first decision. */
export type Decisions = Pick<Handlers, "resolve" | "replace" | "undo" | "fork" | "restore">;

export function teach(decisions: Decisions): void {
  Object.assign(on, decisions);
}

const on: Omit<Handlers, keyof Decisions> & Partial<Decisions> = {
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
    if (s.stuck && s.text.length < s.stuck) {
      s.stuck = 0;
      calm(s);
      out.push(later(s));
    }
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

  poll(s, _, out) {
    poll(s, out);
  },
  polled(s, { r }, out) {
    if (r.k === "lost") {
      if (!s.trouble) s.trouble = "offline";
      return;
    }
    const wasOffline = s.trouble === "offline" && !s.attempt;
    if (wasOffline) calm(s);
    if (r.k === "ok") fetchTheirs(s, r.meta.version, out);
    else if (r.k === "out" || r.k === "missing") lostIdentity(s, r.k, out);
    else if (r.k === "gone") s.trouble = "gone";
    if (wasOffline) begin(s, out);
  },

  news(s, e, out) {
    fetchTheirs(s, e.version, out);
  },

  removed(s) {
    s.trouble = "gone";
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
    else if (r.k === "gone") s.trouble = "gone";
    else if (r.k === "out" || r.k === "missing") lostIdentity(s, r.k, out);
  },

  unapplied(s, e) {
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
    poll(s, out);
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

  deltas(s) {
    s.deltas = true;
  },

  opened(s, _, out) {
    if (s.visible) out.push(["timer", "poll", s.idle]);
  },

  check(_s, _, out) {
    out.push(["who"]);
  },
};

/** Asks whether others saved, in a rhythm that slows down. */
function poll(s: State, out: Effect[]): void {
  const can = s.visible && s.trouble !== "gone";
  if (can && s.trouble === "signed_out") out.push(["who"]);
  else if (can && s.base && !s.attempt && !s.conflict && !s.loading) out.push(["poll"]);
  if (can) out.push(["timer", "poll", s.idle]);
  s.idle = Math.min(Math.max(60_000, s.config.poll), s.idle * 1.5);
}

function lostIdentity(s: State, k: "out" | "missing", out: Effect[]): void {
  answers[k as "out"](s, null!, { k: "out" }, out);
}

/** Returns the state after an event, and what is to be done, in this order. Changes nothing by itself. */
export function next(state: State, event: Event): [State, Effect[]] {
  const s = { ...state };
  const out: Effect[] = [];
  (on[event.t] as (s: State, e: Event, out: Effect[]) => void)(s, event, out);
  return [s, out];
}
