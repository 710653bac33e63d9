/** A chunk by itself, because of its libraries: finds what differs, and merges. Loaded by the first comparison. */

import { structureOf, keysOf } from "./json.js";
import { compareLines } from "./lines.js";
import type { Comparison } from "./model.js";
import { differBy, Walk } from "./structure.js";

export { pieces } from "./lines.js";
export { merge } from "./merge.js";

/** Compares two texts: by structure if both are JSON, else by lines. `key` tells objects in arrays apart. */
export function compare(before: string, after: string, key?: string): Comparison {
  const old = structureOf(before);
  const now = structureOf(after);
  if (old === undefined || now === undefined || Array.isArray(old) !== Array.isArray(now)) {
    return { form: "text", ...compareLines(before, after), isOnlyForm: false, keys: [] };
  }
  const differ = differBy(key);
  const walk = new Walk(differ, key);
  walk.value("", old, now, differ(old, now));
  const { rows, changes } = walk;
  const keys = [...keysOf(now, keysOf(old))];
  return { form: "json", rows, changes, isOnlyForm: !changes.length && before !== after, keys };
}
