/** Answers to an attempt that are rare: most refusals, copies and restored versions. */

import type { Reply } from "./http.js";
import type { Core } from "./late.js";
import type { Answers } from "./answers.js";
import type { Watch } from "./machine.js";
import type { Answer, Form } from "./model.js";

/** Returns what a reply says that is more than `answerOf` knows. */
export function meaningOf({ answerOf }: Pick<Core, "answerOf">, { status, body }: Reply, form: Form): Answer {
  if (status < 300) {
    const r = answerOf({ status, body: { ...body, conflict: undefined } });
    if (r.k !== "ok" || form === "restore") return r.k === "ok" ? { k: "restored", meta: r.meta } : r;
    return { k: "copied", meta: r.meta, of: body.conflict?.current };
  }
  const type = body.error.type;
  if (type === "too_many" || type === "storage_full")
    return { k: "full", size: body.used, limit: body.limit };
  if (type === "maintenance") return { k: "lost", after: body.retryAfter, error: body.detail };
  if (/^(base_gone|delta_too_large|invalid_delta|key_reused|condition_required)$/.test(type))
    return { k: "again" };
  if (type === "illegal_move") return { k: "moved", status: body.sessionStatus };
  if (status === 413) return { k: "big", size: body.size ?? 0, limit: body.limit };
  return { k: "refused", error: body.detail };
}

type Steps = Pick<Core, "begin" | "calm" | "keep" | "later" | "load" | "meet" | "theirsOf">;

export const createRefusals = ({ begin, calm, load, meet, theirsOf }: Steps): Answers => ({
  restored(s, _a, r, out) {
    s.seen = r.meta.version;
    load(s, out);
  },

  /** What was sent is a draft by itself now. The server's version is shown next. */
  copied(s, a, r, out) {
    s.acked = Math.max(s.acked, a.edits);
    s.copied = { id: r.meta.id, title: r.meta.title, text: a.text };
    s.auto = true;
    if (r.of === null) {
      s.trouble = "gone";
      return;
    }
    s.seen = Math.max(s.seen, r.of?.version ?? 0);
    const { conflict } = s;
    s.conflict = null;
    calm(s);
    // What was typed meanwhile may need a copy, too, and that an id: it comes with what is loaded.
    if (a.form === "copy" && conflict && s.acked >= s.edits) meet(s, theirsOf(conflict), s.kind, out, "");
    else load(s, out);
  },

  moved(s, _a, r, out) {
    s.kind = r.status;
    if (r.status === "active") load(s, out);
    else s.trouble = "read_only";
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
    if (a.whole) {
      s.trouble = "refused";
      s.error = undefined;
      return;
    }
    s.whole = true;
    begin(s, out);
  },

  refused(s, _a, r) {
    s.trouble = "refused";
    s.error = r.error;
  },
});

/** Tries again what was too large, once it is small enough. */
export const createShrinking = ({ calm, keep, later }: Steps): Pick<Watch, "journal"> => ({
  journal(s, _, out) {
    if (s.stuck && s.text.length < s.stuck) {
      s.stuck = s.text.length;
      const size = s.limit && new Blob([s.text]).size;
      if (size > s.limit) s.size = size;
      else {
        s.stuck = 0;
        calm(s);
        out.push(later(s));
      }
    }
    keep(s, out);
  },
});
