/** Folds what is the same in both texts, but for some lines around each change. */

import type { Row } from "./difference/model.js";

/** A row, or the place of rows that are folded: the index of the first one, and how many. */
export type Part = { row: Row } | { fold: number; count: number };

const CONTEXT = 3;
/** Fewer rows than this take no more room than their fold. */
const LEAST = 3;

export function folded(rows: readonly Row[], unfolded: ReadonlySet<number>): Part[] {
  const parts: Part[] = [];
  for (let first = 0; first < rows.length; ) {
    let end = first;
    while (end < rows.length && (rows[end]!.kind === "same") === (rows[first]!.kind === "same")) end++;
    const isSame = rows[first]!.kind === "same";
    const from = first && isSame ? first + CONTEXT : first;
    const to = end < rows.length ? end - CONTEXT : end;
    if (!isSame || to - from < LEAST || unfolded.has(from)) push(parts, rows, first, end);
    else {
      push(parts, rows, first, from);
      parts.push({ fold: from, count: to - from });
      push(parts, rows, to, end);
    }
    first = end;
  }
  return parts;
}

function push(parts: Part[], rows: readonly Row[], from: number, to: number): void {
  for (let at = from; at < to; at++) parts.push({ row: rows[at]! });
}
