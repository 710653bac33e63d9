/** What each answer to an attempt does to the state of a document. The attempt is over by then. */

import { baseOf, begin, calm, dirty, later, load, meet, settle, theirsOf } from "./steps.js";
import type { Answer, Attempt, Effect, State } from "./model.js";

type Known = Exclude<Answer["k"], "lost" | "same">;
type Table = {
  [K in Known]: (s: State, a: Attempt, r: Extract<Answer, { k: K }>, out: Effect[]) => void;
};

export const answers: Table = {
  ok(s, a, r, out) {
    const { meta } = r;
    if (a.form === "restore") {
      s.seen = meta.version;
      return load(s, out);
    }
    if (a.form === "copy" || r.copyOf !== undefined) return copied(s, a, r, out);
    const sent = a.form === "create" || a.form === "content";
    s.base = baseOf(meta, sent ? a.text : s.base?.text);
    s.seen = meta.version;
    s.kind = meta.status;
    s.whole = false;
    s.tries = s.stuck = 0;
    if (sent) s.acked = Math.max(s.acked, a.edits);
    if (sent) s.auto = true;
    if (a.form !== "content" && JSON.stringify(a.rename) === JSON.stringify(s.rename)) s.rename = null;
    if (!s.rename) s.title = meta.title;
    if (s.kind === "active") s.promote = false;
    out.push(["tell", "saved"]);
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

  moved(s, _a, r, out) {
    s.kind = r.status;
    if (r.status === "active") load(s, out);
    else s.trouble = "read_only";
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

  big(s, a, r) {
    s.trouble = "too_large";
    s.stuck = a.text.length;
    s.size = r.size;
    s.limit = r.limit;
  },

  full(s, a, r) {
    s.trouble = "no_room";
    s.stuck = a.text.length;
    s.size = r.size;
    s.limit = 0;
  },

  again(s, a, _r, out) {
    if (a.whole) return answers.refused(s, a, { k: "refused", error: "" }, out);
    s.whole = true;
    begin(s, out);
  },

  refused(s, _a, r) {
    s.trouble = "refused";
    s.error = r.error;
  },
};

/** What was sent is a draft by itself now. The server's version is shown next. */
function copied(s: State, a: Attempt, r: Extract<Answer, { k: "ok" }>, out: Effect[]): void {
  s.acked = Math.max(s.acked, a.edits);
  s.copied = { id: r.meta.id, title: r.meta.title, text: a.text };
  s.auto = true;
  if (r.copyOf === null) {
    s.trouble = "gone";
    return;
  }
  s.seen = Math.max(s.seen, r.copyOf?.version ?? 0);
  const { conflict } = s;
  s.conflict = null;
  calm(s);
  if (a.form === "copy" && conflict) meet(s, theirsOf(conflict), s.kind, out, "");
  else load(s, out);
}
