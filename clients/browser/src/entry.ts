/** A document in the journal: what its page knew and the server did not. */

import type { Attempt, Base, Rename, State } from "./model.js";

export interface Entry {
  format: 1;
  owner: string;
  app: string;
  id: string;
  /** The page that wrote it, and its document. */
  instance: string;
  /** Without its text. */
  base: Base | null;
  edits: number;
  acked: number;
  title: string;
  kind: string;
  content: string;
  mediaType: string | null;
  schema: number | null;
  /** Null as its text: that is `content`. */
  attempt: (Omit<Attempt, "text"> & { text: string | null }) | null;
  rename: Rename | null;
  promote: boolean;
  /** When it was written, for people only, in milliseconds. */
  at: number;
}

export type Kept = Pick<
  Entry,
  "base" | "edits" | "acked" | "title" | "kind" | "content" | "attempt" | "rename" | "promote"
>;

export function toEntry(s: State): Kept {
  const { attempt, base } = s;
  return {
    base: base && { ...base, text: undefined },
    edits: s.snapped,
    acked: s.acked,
    title: s.title,
    kind: s.kind,
    content: s.text,
    attempt: attempt && { ...attempt, text: attempt.text === s.text ? null : attempt.text },
    rename: s.rename,
    promote: s.promote,
  };
}
