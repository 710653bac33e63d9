/** What a person decides about a document, as events of its state machine. Nothing is lost by any of them. */

import type { Core } from "./late.js";
import type { Decisions } from "./machine.js";

type Steps = Pick<Core, "attempt" | "begin" | "calm" | "conflictOf" | "keep" | "start" | "theirsOf">;

export function createDecisions(steps: Steps): Decisions {
  const { attempt, begin, calm, conflictOf, keep, start, theirsOf } = steps;
  return {
    resolve(s, e, out) {
      const conflict = s.conflict;
      if (!conflict || s.attempt) return;
      if (e.how === "copy") return attempt(s, out, "copy", { id: e.id });
      const before = s.base;
      s.conflict = null;
      calm(s);
      s.base = theirsOf(conflict);
      s.rush = s.edits;
      s.auto = false;
      if (e.how !== "mine") {
        s.text = e.how === "theirs" ? conflict.theirs : e.how.text;
        out.push(["aside", conflict.mine], ["apply", s.text, before]);
        if (e.how === "theirs") s.acked = s.edits;
        else s.edits++;
        s.snapped = s.edits;
      }
      begin(s, out);
      if (!s.attempt) keep(s, out);
    },

    fork(s, e, out) {
      const old = s.id;
      Object.assign(s, start(e.id, s.seed, s.config), {
        count: s.count,
        edits: s.edits + 1,
        snapped: s.edits + 1,
        acked: 0,
        text: s.text,
        title: e.title,
        visible: s.visible,
        deltas: s.deltas,
        rename: { title: e.title },
        promote: true,
        auto: false,
        rush: s.edits + 1,
      });
      keep(s, out);
      begin(s, out);
      out.push(["drop", old]);
    },

    restore(s, e, out) {
      if (!s.attempt && s.base) attempt(s, out, "restore", { version: e.version });
    },

    replace(s, e, out) {
      if (s.attempt && s.attempt.at < 2) return;
      s.attempt = null;
      const { base, kind } = e;
      if (s.edits > s.acked) out.push(["aside", s.text]);
      out.push(["apply", base.text!, s.base], ["drop"]);
      const { edits } = s;
      Object.assign(s, { base, kind, title: base.title, text: base.text, snapped: edits, acked: edits });
      Object.assign(s, { conflict: null, rename: null, promote: false, loading: false, tries: 0 });
      s.seen = Math.max(s.seen, base.version);
      calm(s);
    },

    undo(s, _, out) {
      const copied = s.copied;
      if (!copied || !s.base || s.attempt || s.conflict) return;
      s.copied = null;
      if (s.edits > s.acked) out.push(["aside", s.text]);
      s.edits++;
      s.snapped = s.edits;
      s.text = copied.text;
      s.conflict = conflictOf(s.base, copied.text);
      s.trouble = "conflict";
      out.push(["apply", copied.text, s.base], ["keep", true]);
    },
  };
}
