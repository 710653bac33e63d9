/** Puts one part of an old version into a text of JSON. */

import { canonical, read, writeLike, type Json } from "./json.js";
import type { Path } from "./model.js";

type Holder = Record<string | number, Json>;

/** Returns the text with a value at a path; undefined removes it. An array gets an item, or loses it. */
export function withPart(text: string, path: Path, value: unknown, isItem: boolean): string {
  const whole = read(text);
  const last = path.at(-1);
  const holder = valueAt(whole, path.slice(0, -1));
  if (last === undefined || typeof holder !== "object" || holder === null) return text;
  if (Array.isArray(holder) && isItem) {
    if (value === undefined) holder.splice(Number(last), 1);
    else holder.splice(Number(last), 0, value as Json);
  } else if (value === undefined) delete (holder as Holder)[last];
  else (holder as Holder)[last] = value as Json;
  return writeLike(text, whole);
}

/** Whether a place is the same in both texts. Positions only count while the whole array is the same. */
export function isAsBefore(path: Path, before: string, now: string): boolean {
  const first = path.findIndex((key) => typeof key === "number");
  const place = first < 0 ? path : path.slice(0, first);
  const [old, current] = [read(before), read(now)];
  const isJson = old !== undefined && current !== undefined;
  return before === now || (isJson && canonical(valueAt(old, place)) === canonical(valueAt(current, place)));
}

const valueAt = (whole: Json | undefined, path: Path): Json | undefined =>
  path.reduce<Json | undefined>(
    (at, key) => (typeof at === "object" && at !== null && Object.hasOwn(at, key) ? (at as Holder)[key] : undefined),
    whole,
  );
