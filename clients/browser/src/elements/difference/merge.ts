/** Merges two texts that began from one. What only one side changed is merged; the rest is asked. */

import { canonical, idOf, isMembers, nameOf, structureOf, type Json, type Members } from "./json.js";
import { compare } from "./compare.js";
import { runs } from "./lines.js";
import type { Change, Merge, Overlap, Path, Side } from "./model.js";
import { linesOf as linesOfValue } from "./structure.js";

import { threeWay } from "./three.js";

/** A member that is not there. `undefined` as a base: nobody knows what both began from. */
const ABSENT = Symbol("absent");
type Value = Json | typeof ABSENT;

/** A place that waits for a decision. */
class Open {
  constructor(
    readonly index: number,
    readonly mine: Value,
    readonly theirs: Value,
  ) {}
}
type Node = Value | Open | Node[] | Map<string, Node>;

/** `base` is undefined if nobody knows what both began from: then every difference is asked. */
export function merge(base: string | undefined, mine: string, theirs: string): Merge {
  const values = [base, mine, theirs].map((text) => (text === undefined ? undefined : structureOf(text)));
  const [b, m, t] = values as [Json | undefined, Json | undefined, Json | undefined];
  const isJson = m !== undefined && t !== undefined && (base === undefined || b !== undefined);
  const found = isJson ? mergeValues(b, m, t, indentOf(mine)) : mergeLines(base, mine, theirs);
  const merged = base === undefined ? [] : alone(base, mine, theirs, found.overlaps, isJson);
  return { ...found, merged };
}

/** Returns the indentation of a text, so that the merged one looks alike. */
const indentOf = (text: string): string => /^\s*[{[]\r?\n([ \t]+)/.exec(text)?.[1] ?? "";

function mergeValues(base: Json | undefined, mine: Json, theirs: Json, indent: string): Omit<Merge, "merged"> {
  const merger = new Merger();
  const node = merger.merge([], [], base, mine, theirs);
  const { overlaps } = merger;
  return { overlaps, result: (choices) => JSON.stringify(decided(node, choices), null, indent) };
}

class Merger {
  readonly overlaps: Overlap[] = [];

  merge(path: Path, names: readonly string[], base: Value | undefined, mine: Value, theirs: Value): Node {
    if (equal(mine, theirs) || equal(base, theirs)) return mine;
    if (equal(base, mine)) return theirs;
    if (isMembers(mine) && isMembers(theirs)) return this.#members(path, names, base, mine, theirs);
    if (Array.isArray(mine) && Array.isArray(theirs)) {
      const items = this.#items(path, names, Array.isArray(base) ? base : undefined, mine, theirs);
      if (items) return items;
    }
    const said = ([base === undefined ? ABSENT : base, mine, theirs] as Value[]).map(textOf);
    this.overlaps.push({ path, names, base: said[0], mine: said[1], theirs: said[2] });
    return new Open(this.overlaps.length - 1, mine, theirs);
  }

  #members(path: Path, names: readonly string[], base: Value | undefined, mine: Members, theirs: Members): Node {
    const old = isMembers(base) ? base : base === undefined ? undefined : {};
    const all = new Map<string, Node>();
    for (const key of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
      const known = old && member(old, key);
      all.set(key, this.merge([...path, key], [...names, key], known, member(mine, key), member(theirs, key)));
    }
    return all;
  }

  /** Returns undefined if the arrays can only be taken as a whole. */
  #items(path: Path, names: readonly string[], base: Json[] | undefined, mine: Json[], theirs: Json[]): Node[] | undefined {
    const ids = [base ?? [], mine, theirs].map(byId);
    const [b, m, t] = ids;
    if (b && m && t) return this.#byId(path, names, base && b, m, t);
    if (base?.length === mine.length && mine.length === theirs.length) {
      return mine.map((one, at) => this.merge([...path, at], [...names, name(one, at)], base[at]!, one, theirs[at]!));
    }
    if (!base) return undefined;
    const texts = [base, mine, theirs].map((items) => items.map(canonical)) as [string[], string[], string[]];
    const regions = threeWay(...texts);
    if (regions.some(({ isOverlap }) => isOverlap)) return undefined;
    return regions.flatMap(({ result }) => result.map((text) => JSON.parse(text) as Json));
  }

  #byId(
    path: Path,
    names: readonly string[],
    base: Map<string, Json> | undefined,
    mine: Map<string, Json>,
    theirs: Map<string, Json>,
  ): Node[] {
    const order = base && isInOrder(base, mine) ? inserted(theirs, mine) : inserted(mine, theirs);
    return order.map((id, at) => {
      const m: Value = mine.get(id) ?? ABSENT;
      const t: Value = theirs.get(id) ?? ABSENT;
      const known = base && (base.get(id) ?? ABSENT);
      return this.merge([...path, at], [...names, name(m === ABSENT ? t : m, at)], known, m, t);
    });
  }
}

const name = (item: unknown, at: number): string => nameOf(item) ?? String(at + 1);
const member = (of: Members, key: string): Value => (Object.hasOwn(of, key) ? of[key]! : ABSENT);
const textOf = (value: Value): string | undefined =>
  value === ABSENT ? undefined : typeof value === "string" ? value : linesOfValue("", value).join("\n");

const equal = (a: Value | undefined, b: Value | undefined): boolean =>
  a === b || (a !== ABSENT && b !== ABSENT && a !== undefined && b !== undefined && canonical(a) === canonical(b));

/** Returns the items by id. Undefined if there is one without, or if two have the same. */
function byId(items: Json[]): Map<string, Json> | undefined {
  const found = new Map<string, Json>();
  for (const item of items) {
    const id = idOf(item);
    if (id === undefined || found.has(id)) return undefined;
    found.set(id, item);
  }
  return found;
}

/** Whether the items that both have come in the same order. */
function isInOrder(a: Map<string, Json>, b: Map<string, Json>): boolean {
  const both = (one: Map<string, Json>, other: Map<string, Json>): string =>
    JSON.stringify([...one.keys()].filter((id) => other.has(id)));
  return both(a, b) === both(b, a);
}

/** Returns the ids of `first`, with those that only `second` has after the one that they follow there. */
function inserted(first: Map<string, Json>, second: Map<string, Json>): string[] {
  const all = [...first.keys()];
  const others = [...second.keys()];
  others.forEach((id, at) => {
    if (!first.has(id)) all.splice(at ? all.indexOf(others[at - 1]!) + 1 : 0, 0, id);
  });
  return all;
}

function decided(node: Node, choices: readonly Side[]): Json | undefined {
  if (node === ABSENT) return undefined;
  if (node instanceof Open) return decided(node[choices[node.index] ?? "mine"], choices);
  if (node instanceof Map) {
    const members = [...node].map(([key, one]) => [key, decided(one, choices)] as const);
    return Object.fromEntries(members.filter(([, one]) => one !== undefined)) as Members;
  }
  if (Array.isArray(node)) return node.map((one) => decided(one, choices)).filter((one) => one !== undefined);
  return node as Json;
}

function mergeLines(base: string | undefined, mine: string, theirs: string): Omit<Merge, "merged"> {
  const [m, t] = [mine, theirs].map((text) => text.split("\n")) as [string[], string[]];
  const regions = base === undefined ? twoWay(m, t) : threeWay(base.split("\n"), m, t);
  const open = regions.filter(({ isOverlap }) => isOverlap);
  const text = (lines: string[]): string | undefined => (lines.length ? lines.join("\n") : undefined);
  return {
    overlaps: open.map((one) => ({
      ...{ path: [], names: [] },
      ...{ base: base === undefined ? undefined : text(one.base), mine: text(one.mine), theirs: text(one.theirs) },
    })),
    result: (choices) =>
      regions
        .flatMap((one) => (one.isOverlap ? one[choices[open.indexOf(one)] ?? "mine"] : one.result))
        .join("\n"),
  };
}

const twoWay = (mine: string[], theirs: string[]) =>
  runs(mine, theirs).map(({ before, after, isSame }) => ({
    ...{ base: [] as string[], mine: before, theirs: after },
    ...{ isOverlap: !isSame, result: before },
  }));

/** Returns the changes that only one side made, of those that are not asked. */
function alone(base: string, mine: string, theirs: string, open: Overlap[], isJson: boolean): Merge["merged"] {
  const asked = open.map(({ path }) => JSON.stringify(path).slice(0, -1));
  const of = (side: Side, text: string): { side: Side; change: Change }[] =>
    compare(base, text)
      .changes.filter((change) => !isJson || !asked.some((path) => JSON.stringify(change.path).startsWith(path)))
      .map((change) => ({ side, change }));
  if (!isJson && open.length) return []; // lines have no path by which to tell
  return [...of("mine", mine), ...of("theirs", theirs)];
}

