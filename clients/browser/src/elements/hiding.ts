/** Leaves out the changes of places that a person does not want to see. */

import type { Change, Comparison, Row } from "./difference/model.js";

/** Returns the same text for the same place in each item of an array. */
export const placeOf = ({ path }: Change): string =>
  path.map((key) => (typeof key === "number" ? "*" : key)).join("/");

export function without(whole: Comparison, hidden: ReadonlySet<string>): Comparison {
  if (!hidden.size) return whole;
  const places = new Map<number, number>();
  const changes = whole.changes.filter((change, at) => {
    const isShown = !hidden.has(placeOf(change));
    if (isShown) places.set(at, places.size);
    return isShown;
  });
  const rows = whole.rows.map((row): Row => {
    const change = row.change === undefined ? undefined : places.get(row.change);
    return change === undefined ? { ...row, kind: "same", change } : { ...row, change };
  });
  return { ...whole, rows, changes };
}
