/** Sees what others save: by asking, in a rhythm that slows down, and from other tabs. */

import type { Core } from "./late.js";
import type { Watch } from "./machine.js";
import type { Effect, State } from "./model.js";

type Steps = Pick<Core, "begin" | "calm" | "load" | "unknown">;

export function createWatch(steps: Steps): Omit<Watch, "journal"> {
  const { begin, calm, load, unknown } = steps;

  /** Reads a version that others made, unless an attempt will tell. */
  function fetchTheirs(s: State, version: number, out: Effect[]): void {
    if (!s.base || version <= s.seen || s.attempt || s.conflict) return;
    s.seen = version;
    if (!s.loading) load(s, out);
  }

  return {
    opened(s, _, out) {
      s.deltas = true;
      if (s.visible) out.push(["timer", "poll", s.idle]);
    },

    poll(s, _, out) {
      const can = s.visible && s.trouble !== "gone";
      if (can && s.trouble === "signed_out") out.push(["who"]);
      else if (can && s.base && !s.attempt && !s.conflict && !s.loading) out.push(["poll"]);
      if (can) out.push(["timer", "poll", s.idle]);
      s.idle = Math.min(Math.max(60_000, s.config.poll), s.idle * 1.5);
    },

    polled(s, { r }, out) {
      if (r.k === "lost") {
        if (!s.trouble) s.trouble = "offline";
        return;
      }
      const wasOffline = s.trouble === "offline" && !s.attempt;
      if (wasOffline) calm(s);
      if (r.k === "ok") fetchTheirs(s, r.meta.version, out);
      else unknown(s, r, out);
      if (wasOffline) begin(s, out);
    },

    news(s, e, out) {
      fetchTheirs(s, e.version, out);
    },

    removed(s) {
      s.trouble = "gone";
    },

    check(_s, _, out) {
      out.push(["who"]);
    },
  };
}
