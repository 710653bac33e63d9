/** How a document goes on from an entry of the journal. */

import type { Kept } from "./entry.js";
import type { State } from "./model.js";

/** What a document starts with that goes on from an entry. The outcome of its attempt is unknown. */
export function fromEntry(e: Kept): Partial<State> {
  const { attempt } = e;
  return {
    base: e.base,
    kind: e.kind,
    title: e.title,
    text: e.content,
    edits: e.edits,
    snapped: e.edits,
    kept: e.edits,
    acked: e.acked,
    attempt: attempt && { ...attempt, text: attempt.text ?? e.content, at: 2 },
    rename: e.rename,
    promote: e.promote,
    auto: !e.promote,
    seen: e.base?.version ?? 0,
  };
}
