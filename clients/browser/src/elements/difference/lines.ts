/** Compares text by lines. */

import { diffArrays, diffWordsWithSpace } from "diff";
import type { Change, Piece, Row } from "./model.js";

/** After this, the texts count as replaced. */
const MILLISECONDS = 1_500;
/** Longer lines are shown without what differs within. */
const PIECES_MAX = 4_000;

export const linesOf = (text: string): string[] => (text === "" ? [] : text.split(/\r?\n/));

/** Runs of lines that are the same, or that took the place of others. */
interface Run {
  before: string[];
  after: string[];
  isSame: boolean;
}

export function runs(before: string[], after: string[]): Run[] {
  const parts = diffArrays(before, after, { timeout: MILLISECONDS } as object);
  if (!parts) return [{ before, after, isSame: false }];
  const found: Run[] = [];
  for (const { value, added, removed } of parts) {
    const last = found.at(-1);
    if (!added && !removed) found.push({ before: value, after: value, isSame: true });
    else if (last && !last.isSame) last[added ? "after" : "before"].push(...value);
    else found.push({ before: removed ? [...value] : [], after: added ? [...value] : [], isSame: false });
  }
  return found;
}

export function compareLines(before: string, after: string): { rows: Row[]; changes: Change[] } {
  const rows: Row[] = [];
  const changes: Change[] = [];
  let from = 1;
  let to = 1;
  for (const run of runs(linesOf(before), linesOf(after))) {
    if (run.isSame) for (const line of run.after) rows.push({ kind: "same", before: line, after: line, change: undefined });
    else {
      changes.push(changeOf(run, from, to));
      rows.push(...rowsOf(run, changes.length - 1));
    }
    from += run.before.length;
    to += run.after.length;
  }
  return { rows, changes };
}

function changeOf({ before, after }: Run, from: number, to: number): Change {
  const kind = !before.length ? "added" : !after.length ? "removed" : "changed";
  return { path: [], kind, before, after, from, to };
}

function rowsOf({ before, after }: Run, change: number): Row[] {
  const count = Math.max(before.length, after.length);
  return Array.from({ length: count }, (_, at) => {
    const [old, now] = [before[at], after[at]];
    const kind = old === undefined ? "added" : now === undefined ? "removed" : "changed";
    return { kind, before: old, after: now, change };
  });
}

/** Returns both sides of a changed line in pieces. */
export function pieces(before: string, after: string): [Piece[], Piece[]] {
  if (before.length + after.length > PIECES_MAX) return [[[before, true]], [[after, true]]];
  const parts = diffWordsWithSpace(before, after);
  const side = (other: "added" | "removed", own: "added" | "removed"): Piece[] =>
    parts.filter((part) => !part[other]).map((part) => [part.value, part[own]]);
  return [side("added", "removed"), side("removed", "added")];
}
