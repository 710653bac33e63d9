/** What a document shows of its state. */

import { dirty } from "./steps.js";
import type { Conflict, State, Trouble } from "./model.js";

export type Status = Exclude<Trouble, ""> | "clean" | "dirty" | "saving";

export interface DocumentState {
  /** The most important thing to tell. */
  readonly status: Status;
  /** True if something is not on the server yet. */
  readonly dirty: boolean;
  /** Where the newest state is safe. */
  readonly safe: "server" | "device" | "nowhere";
  readonly id: string;
  readonly title: string;
  /** The version that the server acknowledged last, its ETag, and when it was made. */
  readonly version: number | undefined;
  readonly etag: string | undefined;
  readonly savedAt: string | undefined;
  readonly conflict: Conflict | undefined;
  /** In bytes, if `status` is `too_large` or `no_room`. */
  readonly size: number | undefined;
  readonly limit: number | undefined;
  /** When the next try is made, in milliseconds, if `status` is `offline`. */
  readonly retryAt: number | undefined;
  /** True if the server has it as a draft, which timers delete. Undefined before the first save. */
  readonly draft: boolean | undefined;
  /** The draft that was made of a save that came too late. `undoCopy` returns to it. */
  readonly copied: { readonly id: string; readonly title: string } | undefined;
  /** When a page that is gone kept what is shown, in milliseconds. */
  readonly recovered: number | undefined;
  /** The server's words, if `status` is `refused`, or `offline` because of maintenance. */
  readonly error: string | undefined;
}

export const safe = (s: State): DocumentState["safe"] =>
  !dirty(s) ? "server" : !s.failing && s.kept >= s.edits ? "device" : "nowhere";

export function view(s: State): DocumentState {
  const t = s.trouble;
  const isDirty = dirty(s);
  const full = t === "too_large" || t === "no_room";
  return {
    status: t || (s.attempt?.at ? "saving" : isDirty ? "dirty" : "clean"),
    dirty: isDirty,
    safe: safe(s),
    id: s.id,
    title: s.title,
    version: s.base?.version,
    etag: s.base?.etag,
    savedAt: s.base?.at,
    conflict: s.conflict ?? undefined,
    size: full ? s.size : undefined,
    limit: full ? s.limit : undefined,
    retryAt: t === "offline" && (s.attempt || s.loading) ? s.retryAt : undefined,
    draft: s.base ? s.kind === "draft" : undefined,
    copied: s.copied ?? undefined,
    recovered: s.recovered || undefined,
    error: t === "refused" || t === "offline" ? s.error : undefined,
  };
}

/** True if two states show the same. */
export const same = (a: DocumentState, b: DocumentState): boolean =>
  (Object.keys(a) as (keyof DocumentState)[]).every((name) => a[name] === b[name]);
