/** A chunk by itself, because of its libraries: finds what differs, and merges. Loaded by the first comparison. */

import { keysOf, structuresOf, type Json } from "./json.js";
import { compareLines } from "./lines.js";
import type { Comparison } from "./model.js";
import { differBy, Walk } from "./structure.js";

export { pieces } from "./lines.js";
export { merge } from "./merge.js";
export { isAsBefore, withPart } from "./part.js";

/** Compares two texts: by structure if both are JSON, else by lines. `key` tells objects in arrays apart. */
export function compare(before: string, after: string, key?: string): Comparison {
  const [old, now] = structuresOf(before, after);
  const isJson = old !== undefined && now !== undefined && Array.isArray(old) === Array.isArray(now);
  const { rows, changes } = isJson ? compareValues(old, now, key) : compareLines(before, after);
  const keys = isJson ? [...keysOf(now, keysOf(old))] : [];
  return { rows, changes, isOnlyForm: !changes.length && before !== after, keys };
}

function compareValues(before: Json, after: Json, key: string | undefined): Walk {
  const differ = differBy(key);
  const walk = new Walk(differ, key);
  walk.value("", before, after, differ(before, after));
  return walk;
}
