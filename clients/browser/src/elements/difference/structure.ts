/** Compares JSON by structure. The library finds the differences; the rows are ours. */

import { create, type DiffContext, type Filter } from "jsondiffpatch";
import { arrayChanges } from "./arrays.js";
import { canonical, idOf, isMembers, nameOf, write, type Json, type Members } from "./json.js";
import type { Change, Kind, Row } from "./model.js";

/** A delta of jsondiffpatch: `[new]`, `[old, new]`, `[old, 0, 0]`, or those of the members. */
export type Delta = readonly unknown[] | { readonly [key: string]: unknown } | undefined;

/** Above this, finding what stayed takes too long: the array counts as replaced. */
const PAIRS_MAX = 4_000_000;

type Differ = (before: Json, after: Json) => Delta;

export function differBy(key: string | undefined): Differ {
  const differ = create({
    objectHash: (item) => idOf(item, key) ?? canonical(item),
    arrays: { detectMove: true },
    cloneDiffValues: false,
  });
  const huge = ((context: DiffContext) => {
    const { left, right } = context as { left: unknown; right: unknown };
    if (!Array.isArray(left) || !Array.isArray(right) || left.length * right.length <= PAIRS_MAX) return;
    const isSame = left.length === right.length && left.every((one, at) => canonical(one) === canonical(right[at]));
    context.setResult(isSame ? undefined : [left, right]).exit();
  }) as Filter<DiffContext>;
  huge.filterName = "huge";
  differ.processor.pipes.diff!.before("arrays", huge as never);
  return (before, after) => differ.diff(before, after) as Delta;
}

type Step = { key: string | number; name: string };

/** Walks both values side by side, and collects rows and changes. */
export class Walk {
  readonly rows: Row[] = [];
  readonly changes: Change[] = [];
  readonly #steps: Step[] = [];

  constructor(
    readonly differ: Differ,
    readonly key: string | undefined,
  ) {}

  /** Compares two values with a label, such as `oil: `. */
  value(label: string, before: Json, after: Json, delta: Delta): void {
    if (delta === undefined) this.same(label, after);
    else if (Array.isArray(delta)) this.changed("changed", label, before, after);
    else this.inside(label, before, after, delta as Members);
  }

  /** Compares what two objects or arrays hold. */
  inside(label: string, before: Json, after: Json, delta: { readonly [key: string]: unknown }): void {
    const [opens, closes] = Array.isArray(after) ? ["[", "]"] : ["{", "}"];
    this.#row("same", `${label}${opens}`, `${label}${opens}`);
    if (Array.isArray(after)) arrayChanges(this, before as Json[], after, delta);
    else this.#members(before as Members, after as Members, delta);
    this.#row("same", closes, closes);
  }

  #members(before: Members, after: Members, delta: { readonly [key: string]: unknown }): void {
    for (const key of inOrder(Object.keys(before), Object.keys(after))) {
      const label = `${key}: `;
      const change = Object.hasOwn(delta, key) ? (delta[key] as Delta) : undefined;
      this.under(key, key, () => {
        if (!Object.hasOwn(after, key)) this.changed("removed", label, before[key], undefined);
        else if (!Object.hasOwn(before, key)) this.changed("added", label, undefined, after[key]);
        else this.value(label, before[key]!, after[key]!, change);
      });
    }
  }

  under(key: string | number, name: string, walk: () => void): void {
    this.#steps.push({ key, name });
    walk();
    this.#steps.pop();
  }

  /** Goes on at an item of an array. */
  item(position: number, value: unknown, walk: () => void): void {
    this.under(position, nameOf(value) ?? String(position + 1), walk);
  }

  same(label: string, value: Json): void {
    for (const line of this.#lines(label, value)) this.rows.push({ kind: "same", before: line, after: line, change: undefined });
  }

  changed(kind: Kind, label: string, before: Json | undefined, after: Json | undefined): void {
    const old = before === undefined ? [] : this.#lines(label, before);
    const now = after === undefined ? [] : this.#lines(label, after);
    this.note({ kind, before, after });
    if (old.length === 1 && now.length === 1) return this.#push(kind, old[0], now[0]);
    old.forEach((line) => this.#push("removed", line, undefined));
    now.forEach((line) => this.#push("added", undefined, line));
  }

  /** One change that the next rows belong to. */
  note(change: Pick<Change, "kind" | "before" | "after" | "from" | "to">): void {
    const path = this.#steps.map(({ key }) => key);
    this.changes.push({ ...change, path, names: this.#steps.map(({ name }) => name) });
  }

  /** The rows of an item that is as it was, at another place. */
  moved(value: Json): void {
    for (const line of this.#lines("", value)) this.#push("moved", line, line);
  }

  #push(kind: Kind, before: string | undefined, after: string | undefined): void {
    this.rows.push({ kind, before, after, change: this.changes.length - 1 });
  }

  #row(kind: "same", before: string, after: string): void {
    const indent = "  ".repeat(this.#steps.length);
    this.rows.push({ kind, before: indent + before, after: indent + after, change: undefined });
  }

  #lines(label: string, value: Json): string[] {
    const indent = "  ".repeat(this.#steps.length);
    return linesOf(label, value).map((line) => indent + line);
  }
}

/** Returns a value as lines, as people read it: keys without quotes, no commas. */
export function linesOf(label: string, value: Json): string[] {
  if (typeof value !== "object" || value === null) return [label + write(value)];
  const [opens, closes] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const inner = Array.isArray(value)
    ? value.flatMap((one) => linesOf("", one))
    : Object.entries(value).flatMap(([key, one]) => linesOf(`${key}: `, one));
  if (!inner.length) return [`${label}${opens}${closes}`];
  return [`${label}${opens}`, ...inner.map((line) => `  ${line}`), closes];
}

/** Returns the keys of both: those of `after` in their order, removed ones where they were. */
function inOrder(before: string[], after: string[]): string[] {
  const all = [...after];
  const has = new Set(after);
  before.forEach((key, at) => {
    if (!has.has(key)) all.splice(at ? all.indexOf(before[at - 1]!) + 1 : 0, 0, key);
  });
  return all;
}

export const areAlike = (before: unknown, after: unknown): boolean =>
  Array.isArray(before) ? Array.isArray(after) : isMembers(before) && isMembers(after);
