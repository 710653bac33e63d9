/** What differs between two texts, as data and in words. */

import type { Change } from "./difference/model.js";
import { say } from "./texts/index.js";

export type { Change };
type Compare = typeof import("./difference/compare.js");

let loading: Promise<Compare> | undefined;

/** Loads what compares. It is a chunk by itself, because few visits need it. */
export function comparer(): Promise<Compare> {
  return (loading ??= import("./difference/compare.js").catch((error: unknown) => {
    loading = undefined;
    throw error;
  }));
}

/** Returns what differs: by structure if both are JSON, else by lines. `key` tells objects in arrays apart. */
export async function changes(before: string, after: string, key?: string): Promise<Change[]> {
  return (await comparer()).compare(before, after, key).changes;
}

/** Returns changes in words, such as `Front oil 600 → 650, 2 more`. */
export function inWords(changes: readonly Change[], most = 1): string {
  if (!changes.length) return say("change.none");
  if (!changes[0]!.path.length && Array.isArray(changes[0]!.after ?? changes[0]!.before)) return linesInWords(changes);
  const said = changes.slice(0, most).map(oneInWords);
  const count = changes.length - said.length;
  return [...said, ...(count ? [say("change.more", { count })] : [])].join(", ");
}

/** Returns one change in words. */
export function oneInWords(change: Change): string {
  const { kind, before, after, from, to } = change;
  if (!change.path.length) return lineInWords(change);
  const what = placeInWords(change.names ?? change.path.map(String));
  if (kind === "moved") return say("change.moved", { what, from: from!, to: to! });
  const values = { what, before: short(before), after: short(after), value: short(after ?? before) };
  const isLong = [before, after].some((value) => typeof value === "object" && value !== null);
  if (kind === "changed") return say(isLong ? "change.replaced" : "change.changed", values);
  return say(isLong ? `change.${kind}` : `change.${kind}-value`, values);
}

function lineInWords({ kind, before, after, to }: Change): string {
  const count = ((kind === "removed" ? before : after) as unknown[]).length;
  return say(`change.line-${kind as "added" | "removed" | "changed"}`, { count, line: to! });
}

function linesInWords(changes: readonly Change[]): string {
  const count = (side: "before" | "after"): number =>
    changes.reduce((sum, change) => sum + ((change[side] as unknown[] | undefined)?.length ?? 0), 0);
  return say("change.lines", { added: count("after"), removed: count("before") });
}

/** Returns a path as people say it: `frontOil` is `Front oil`. */
export function placeInWords(names: readonly string[]): string {
  return names.slice(-2).map(labelOf).join(" › ") || say("change.all");
}

function labelOf(name: string): string {
  const words = name.replace(/([a-z\d])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
  const spaced = words.replace(/[_-]+/g, " ").trim() || name;
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

const VALUE_MAX = 40;

/** Returns a value without quotes, and not at length. */
export function short(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  if (text === "") return "“”";
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text;
}
