/** What the usual answers to an attempt do to the state of a document. The attempt is over by then. */

import { baseOf, begin, dirty, later, load, settle } from "./steps.js";
import type { Answer, Attempt, Effect, State } from "./model.js";

type Table = {
  [K in Answer["k"]]: (s: State, a: Attempt, r: Extract<Answer, { k: K }>, out: Effect[]) => void;
};

/** Those that are loaded later. */
export type Answers = Pick<Table, "restored" | "copied" | "moved" | "big" | "full" | "again" | "refused">;

export const answers: Omit<Table, keyof Answers | "lost" | "same" | "more"> = {
  ok(s, a, r, out) {
    const { meta } = r;
    const sent = a.form === "create" || a.form === "content";
    s.base = baseOf(meta, sent ? a.text : s.base?.text);
    s.seen = meta.version;
    s.kind = meta.status;
    s.whole = false;
    s.tries = s.stuck = 0;
    if (sent) {
      s.acked = Math.max(s.acked, a.edits);
      s.auto = true;
    }
    if (a.form !== "content" && JSON.stringify(a.rename) === JSON.stringify(s.rename)) s.rename = null;
    if (!s.rename) s.title = meta.title;
    if (s.kind === "active") s.promote = false;
    out.push(["tell"]);
    settle(s);
    if (!dirty(s)) {
      out.push(["timer", "journal", 0], ["timer", "send", 0], ["drop"]);
    } else {
      if (s.rename || s.promote || s.rush > s.acked) begin(s, out);
      if (!s.attempt) out.push(["keep"], later(s));
    }
  },

  stale(s, _a, r, out) {
    s.seen = Math.max(s.seen, r.version);
    load(s, out);
  },

  gone(s) {
    s.trouble = "gone";
  },

  /** It may belong to the person who was signed in before. */
  missing(s, _a, _r, out) {
    s.trouble = "signed_out";
    s.missing++;
    out.push(["who"]);
  },

  /** An earlier try may have been applied, so the attempt stays as it is. */
  out(s, a, _r, out) {
    if (a) s.attempt = { ...a, at: 2 };
    s.trouble = "signed_out";
    out.push(["out"]);
  },
};
