/** JSON as values: read, equal, told apart. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Members = { [key: string]: Json };

/** Begins a string that stands for a number which `JSON.stringify` would write in another way, such as `1.0`. */
const MARK = "\uE000";
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs;

/** Returns the values of texts. Undefined: it is no JSON with structure, or a number or key in it would be lost. */
export function structuresOf(...texts: string[]): (Json | undefined)[] {
  const revive = texts.some((text) => INHERITED.test(text)) ? alone : undefined;
  return texts.map((text) => (LOST.test(text) ? undefined : parsed(text, (token) => token, revive)));
}

/** The comparison loses this key, and takes what objects inherit for members of them. */
const LOST = /"(_|\\u005f){2}proto(_|\\u005f){2}"\s*:/i;
const INHERITED = new RegExp(`"(${Object.getOwnPropertyNames(Object.prototype).join("|")})"`);
const alone = (_: string, value: unknown): unknown =>
  isMembers(value) ? Object.assign(Object.create(null), value) : value;

/** As `structuresOf`, for a value that `write` writes again: each number keeps its digits. */
export const read = (text: string): Json | undefined =>
  /\uE000|\\ue000/i.test(text) ? undefined : parsed(text, (token) => `"${MARK}${token}"`);

/** Returns the text of a value from `read`. */
export const write = (value: unknown, indent = ""): string =>
  (JSON.stringify(value, null, indent) ?? "").replace(/"\uE000([^"]+)"/g, "$1");

/** Returns the text of a value from `read`, with lines and indentation as in another text. */
export function writeLike(other: string, value: unknown): string {
  const [, end = "\n", indent = ""] = /^\s*[{[](\r?\n)([ \t]+)/.exec(other) ?? [];
  return write(value, indent).replaceAll("\n", end) + (/\s*$/.exec(other)?.[0] ?? "");
}

function parsed(
  text: string,
  other: (token: string) => string,
  revive?: (key: string, value: unknown) => unknown,
): Json | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  let isLost = false;
  const safe = text.replace(TOKENS, (token) => {
    const now = token.startsWith('"') ? token : String(Number(token));
    if (now === token) return token;
    isLost ||= decimal(now) !== decimal(token);
    return other(token);
  });
  if (isLost) return undefined;
  try {
    return JSON.parse(safe, revive) as Json;
  } catch {
    return undefined;
  }
}

/** Returns the same text for numbers of the same value, such as `1.0` and `1`. */
function decimal(token: string): string {
  const [, sign, whole = "", part = "", power = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(token) ?? [];
  const digits = (whole + part).replace(/^0+/, "");
  const short = digits.replace(/0+$/, "");
  return `${sign}${short}e${short && Number(power) - part.length + digits.length - short.length}`;
}

/** Whether a value stands for a number. */
export const isNumber = (value: unknown): value is string => typeof value === "string" && value.startsWith(MARK);

const plain = (value: unknown): string => String(value).replace(MARK, "");

export const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const known = new WeakMap<object, string>();

/** Returns the same text for equal values: the order of keys does not count. */
export function canonical(value: unknown): string {
  if (isNumber(value)) return String(Number(plain(value)));
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
  return found === undefined ? undefined : `${found}:${canonical(item[found])}`;
}

/** Returns what people call an item. */
export function nameOf(item: unknown): string | undefined {
  if (!isMembers(item)) return undefined;
  const found = NAMES.find((one) => isScalar(item[one]) && plain(item[one]).length <= 40);
  return found === undefined ? undefined : plain(item[found]);
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
