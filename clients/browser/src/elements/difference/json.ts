/** JSON as values: read, equal, told apart. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Members = { [key: string]: Json };

/** Returns the value of a text, or undefined if it is no JSON with structure, or would lose digits. */
export function structureOf(text: string): Json | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  for (const [, digits] of text.matchAll(/[:[,]\s*(-?\d{16,})/g)) {
    if (digits !== String(Number(digits))) return undefined;
  }
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

export const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const known = new WeakMap<object, string>();

/** Returns the same text for equal values: the order of keys does not count. */
export function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  let text = known.get(value);
  if (text === undefined) {
    text = Array.isArray(value)
      ? `[${value.map(canonical).join()}]`
      : `{${Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`)
          .join()}}`;
    known.set(value, text);
  }
  return text;
}

const IDS = ["id", "_id", "uuid", "key"];
const NAMES = ["name", "title", "label", "id", "key"];

const isScalar = (value: unknown): value is string | number =>
  typeof value === "string" || typeof value === "number";

/** Returns what tells an object in an array from the others. Undefined: only what it holds. */
export function idOf(item: unknown, key?: string): string | undefined {
  if (!isMembers(item)) return undefined;
  const found = (key ? [key] : IDS).find((one) => isScalar(item[one]));
  return found === undefined ? undefined : `${found}:${String(item[found])}`;
}

/** Returns what people call an item. */
export function nameOf(item: unknown): string | undefined {
  if (!isMembers(item)) return undefined;
  const found = NAMES.find((one) => isScalar(item[one]) && String(item[one]).length <= 40);
  return found === undefined ? undefined : String(item[found]);
}

/** Returns the keys that each object in some array has with another value. */
export function keysOf(value: Json, found = new Set<string>()): Set<string> {
  if (typeof value !== "object" || value === null) return found;
  if (Array.isArray(value) && value.length > 1 && value.every(isMembers)) {
    for (const key of Object.keys(value[0]!)) {
      const ids = new Set(value.map((one) => (isScalar(one[key]) ? one[key] : undefined)));
      if (ids.size === value.length && !ids.has(undefined)) found.add(key);
    }
  }
  Object.values(value).forEach((one) => keysOf(one, found));
  return found;
}
