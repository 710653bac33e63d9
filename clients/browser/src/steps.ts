/** Steps that several events of the state machine have in common. They change the state that they are given. */

import type { Attempt, Base, Conflict, Effect, Form, Meta, Rename, State } from "./model.js";

export const baseOf = (meta: Meta, text?: string): Base => ({
  etag: meta.etag,
  version: meta.version,
  title: meta.title,
  at: meta.updatedAt,
  device: meta.deviceInfo,
  text,
});

/** True if the server lacks something that was done here. */
export const dirty = (s: State): boolean =>
  s.edits > s.acked || !!s.rename || (s.promote && s.kind !== "active");

/** The timer until the next save. Comes sooner if the journal does not work. */
export const later = ({ config, failing }: State): Effect => [
  "timer",
  "send",
  config.wait,
  failing ? Math.min(10_000, config.maxWait) : config.maxWait,
];

/** Counts edits that changed nothing in the end as saved. */
export function settle(s: State): void {
  if (s.base && s.text === s.base.text && s.snapped === s.edits && !s.conflict && !s.attempt)
    s.acked = s.edits;
}

/** Writes what is not saved to the journal, or removes the entry. */
export function journal(s: State, out: Effect[]): void {
  settle(s);
  out.push(dirty(s) || s.attempt ? ["keep"] : ["drop"]);
}

/** Ends a trouble. */
export function calm(s: State): void {
  s.trouble = s.conflict ? "conflict" : s.kind === "closed" ? "read_only" : "";
}

export function renamed(s: State, rename: Rename): void {
  s.rename = { ...s.rename, ...rename };
  s.title = s.rename.title ?? s.title;
  touch(s);
}

/** Counts a change that is not one of the text, so that an earlier acknowledgement does not cover it. */
export function touch(s: State): void {
  s.edits++;
  s.snapped++;
}

/** Makes an attempt. It is sent after the journal has it, or at once if the page may go. */
export function attempt(s: State, out: Effect[], form: Form, more: Partial<Attempt> = {}): void {
  s.attempt = {
    key: `${s.seed}-${++s.count}`,
    form,
    etag: form === "create" || form === "copy" ? null : s.base!.etag,
    edits: s.snapped,
    text: s.text,
    rename: s.rename,
    auto: s.auto,
    copy: false,
    whole: s.whole || !s.deltas || s.base?.text === undefined,
    at: 0,
    ...more,
  };
  out.push(s.attempt.at ? ["send", true] : ["keep"]);
}

/** Sends what is next: a repetition, or a new attempt with the newest state. One attempt at a time. */
export function begin(s: State, out: Effect[], hide = false): void {
  const old = s.attempt;
  if (old) {
    if (old.at === 2 && !hide && s.trouble !== "signed_out") {
      s.attempt = { ...old, at: 1 };
      out.push(["send"]);
    }
    if (old.at || !hide || old.form === "copy" || old.form === "restore") return;
    s.attempt = null;
  }
  if (s.loading || (s.trouble && s.trouble !== "offline")) return;
  settle(s);
  const form = due(s);
  const isText = form === "create" || form === "content";
  // The screen could not be read. The timer reads it again.
  if (isText && s.snapped < s.edits && s.snapped <= s.acked) return void out.push(later(s));
  if (form) attempt(s, out, form, hide ? { at: 1, copy: isText } : {});
  else if (old || s.kept) out.push(["drop"]);
}

function due(s: State): Form | null {
  if (!dirty(s)) return null;
  if (!s.base) return "create";
  if (s.rename) return "title";
  return s.edits > s.acked ? "content" : "promote";
}

export function load(s: State, out: Effect[]): void {
  s.loading = true;
  out.push(["load"]);
}

/** Waits, with full jitter, and tries again. */
export function failed(s: State, e: { r: object; now: number; random: number }, out: Effect[]): void {
  const { after, error } = e.r as { after?: number; error?: string };
  const most = Math.min(60_000, 1000 * 2 ** ++s.tries);
  const wait = Math.round(after ? after * 1000 : 1000 + e.random * (most - 1000));
  s.trouble ||= "offline";
  s.error = error;
  s.retryAt = e.now + wait;
  out.push(["timer", "retry", wait]);
}

/** Takes over the version of the server if nothing is lost by that. Otherwise there is a conflict. */
export function meet(s: State, theirs: Base, kind: string, out: Effect[], id: string): void {
  const before = s.base;
  const text = theirs.text!;
  s.kind = kind;
  s.seen = Math.max(s.seen, theirs.version);
  if (kind === "active") s.promote = false;
  calm(s);
  settle(s);
  if (s.edits > s.acked && s.text !== text && before?.text !== text && before?.etag !== theirs.etag) {
    s.conflict = conflictOf(theirs, s.text, before?.text);
    s.trouble = "conflict";
    if (s.config.onConflict === "copy") attempt(s, out, "copy", { id });
    else out.push(["keep"]);
    return;
  }
  s.base = theirs;
  if (!s.rename) s.title = theirs.title;
  if (s.edits > s.acked && s.text !== text) return begin(s, out);
  if (s.text !== text) out.push(["apply", (s.text = text), before]);
  s.acked = s.edits;
  if (dirty(s)) begin(s, out);
  else out.push(["drop"]);
}

export const conflictOf = (theirs: Base, mine: string, base?: string): Conflict => ({
  title: theirs.title,
  device: theirs.device,
  at: theirs.at,
  version: theirs.version,
  etag: theirs.etag,
  mine,
  theirs: theirs.text ?? "",
  base,
});

export const theirsOf = ({ theirs, mine, base, ...rest }: Conflict): Base => ({ ...rest, text: theirs });
