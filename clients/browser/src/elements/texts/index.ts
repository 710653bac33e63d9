/** What elements say. One table, which an app can replace as a whole or line by line. */

import { english, type Table } from "./en/index.js";

export type { Table };

/** A text with `{names}` of values. With two forms, the plural rules of the language choose by the value `count`. */
export type Text = string | { readonly one: string; readonly other: string };

type Values = Readonly<Record<string, string | number>>;

let language = "en";
let table: Table = english;
const listeners = new Set<() => void>();

/** Replaces texts. What the table lacks is said in English. `lang` is the language for numbers, dates and plurals. */
export function setTexts(lang: string, texts: Partial<Table>): void {
  language = lang;
  table = { ...english, ...texts };
  listeners.forEach((listener) => listener());
}

/** Calls `listener` when texts are replaced. Returns a function that ends this. */
export function onTexts(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Returns a text of the table, with its values. Numbers are written as the language does. */
export function say(key: keyof Table, values: Values = {}): string {
  return fill(table[key], values);
}

/** Returns a text of an app with its values, as `say` does. */
export function fill(text: Text, values: Values = {}): string {
  const form = typeof text === "string" ? text : text[plural(Number(values.count))];
  return form.replace(/\{(\w+)\}/g, (_, name: string) => shown(values[name]));
}

/** Returns why something failed, for people. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Returns the title of something, for people. */
export const titleOf = (title: string | null | undefined): string => title?.trim() || say("untitled");

const plural = (count: number): "one" | "other" =>
  new Intl.PluralRules(language).select(count) === "one" ? "one" : "other";

const shown = (value: string | number | undefined): string =>
  typeof value === "number" ? value.toLocaleString(language) : (value ?? "");

const UNITS = ["KiB", "MiB", "GiB", "TiB"];

/** Returns a number of bytes for people, such as `1.5 MiB`. */
export function bytes(count: number): string {
  if (count < 1024) return say("bytes", { count });
  const power = Math.min(Math.floor(Math.log(count) / Math.log(1024)), UNITS.length);
  const digits = { maximumFractionDigits: power > 1 ? 1 : 0 };
  return `${(count / 1024 ** power).toLocaleString(language, digits)} ${UNITS[power - 1]}`;
}

/** A time as the server writes it, or in milliseconds. */
export type Time = string | number;

/** Returns the local date and time, to the minute. */
export const exactly = (time: Time): string =>
  new Date(time).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });

/** Returns the local day, such as `24 Nov`. */
export const day = (time: Time): string => new Date(time).toLocaleDateString(language, { day: "numeric", month: "short" });

/** Returns the local time of day, such as `14:02`. */
export const clock = (time: Time): string => new Date(time).toLocaleTimeString(language, { timeStyle: "short" });

const STEPS = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** Returns how long it takes until a time, to the second, such as `in 12 seconds`. */
export function countdown(time: Time): string {
  const seconds = Math.max(1, Math.round((new Date(time).getTime() - Date.now()) / 1000));
  if (seconds > 60) return relatively(time);
  return new Intl.RelativeTimeFormat(language).format(seconds, "second");
}

/** Returns how long ago a time is, or how long it takes until then, such as `2 minutes ago`. */
export function relatively(time: Time, now = Date.now()): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  const [unit, length] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? [];
  if (!unit) return say(seconds > 20 ? "time.soon" : "time.now");
  return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(Math.trunc(seconds / length), unit);
}
