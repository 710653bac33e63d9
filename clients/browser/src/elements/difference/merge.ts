/** Merges two texts that began from one. What only one side changed is merged; the rest is asked. */

import { compare } from "./compare.js";
import { canonical, idOf, isMembers, isNumber, nameOf, read, writeLike, type Json, type Members } from "./json.js";
import { runs } from "./lines.js";
import type { Merge, Overlap, Path, Side } from "./model.js";
import { linesOf } from "./structure.js";
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
  const [b, m, t] = [base, mine, theirs].map((text) => (text === undefined ? undefined : read(text)));
  const isJson = m !== undefined && t !== undefined && (base === undefined || b !== undefined);
  const found = isJson ? mergeValues(b, m, t, mine) : mergeLines(base, mine, theirs);
  const result = (choices: readonly Side[]): string => {
    const side = found.sideOf(choices);
    // What is one side as a whole keeps its spaces and its order of keys.
    return side ? { mine, theirs }[side] : found.result(choices);
  };
  const { overlaps } = found;
  const whole = (side: Side): string => result(overlaps.map(() => side));
  const of = (side: Side, before: string, after: string): Merge["merged"] =>
    compare(before, after).changes.map((change) => ({ side, change }));
  const merged = [...of("mine", theirs, whole("theirs")), ...of("theirs", mine, whole("mine"))];
  return { overlaps, merged, result };
}

interface Found {
  overlaps: Overlap[];
  /** Returns the side that the choices make as a whole, if there is one. */
  sideOf(choices: readonly Side[]): Side | undefined;
  result(choices: readonly Side[]): string;
}

function mergeValues(base: Json | undefined, mine: Json, theirs: Json, like: string): Found {
  const merger = new Merger();
  const node = merger.merge([], [], base, mine, theirs);
  return {
    overlaps: merger.overlaps,
    sideOf(choices) {
      const value = canonical(decided(node, choices));
      return value === canonical(mine) ? "mine" : value === canonical(theirs) ? "theirs" : undefined;
    },
    result: (choices) => writeLike(like, decided(node, choices)),
  };
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

  /** Returns undefined if the arrays can only be taken as a whole. Positions tell no items apart. */
  #items(path: Path, names: readonly string[], base: Json[] | undefined, mine: Json[], theirs: Json[]): Node[] | undefined {
    const [b, m, t] = [base ?? [], mine, theirs].map(byId);
    if (b && m && t) return this.#byId(path, names, base && b, m, t);
    return base && sequence(base, mine, theirs);
  }

  #byId(
    path: Path,
    names: readonly string[],
    base: Map<string, Json> | undefined,
    mine: Map<string, Json>,
    theirs: Map<string, Json>,
  ): Node[] | undefined {
    return orderOf(base, mine, theirs)?.map((id, at) => {
      const m: Value = mine.get(id) ?? ABSENT;
      const t: Value = theirs.get(id) ?? ABSENT;
      const known = base && (base.get(id) ?? ABSENT);
      return this.merge([...path, at], [...names, name(m === ABSENT ? t : m, at)], known, m, t);
    });
  }
}

/** Merges items that have no ids. Returns undefined if both sides changed the same place, or if an item would come
 * more often or more seldom than on both sides, such as one that both have moved. */
function sequence(base: Json[], mine: Json[], theirs: Json[]): Json[] | undefined {
  const [b, m, t] = [base, mine, theirs].map((items) => items.map(canonical)) as [string[], string[], string[]];
  const regions = threeWay(b, m, t);
  if (regions.some(({ isOverlap }) => isOverlap)) return undefined;
  const found = regions.flatMap(({ result }) => result);
  const [inMine, inTheirs, here] = [m, t, found].map(counts) as [Counts, Counts, Counts];
  const isOdd = [...m, ...t].some((item) => {
    const [one, other] = [inMine.get(item) ?? 0, inTheirs.get(item) ?? 0];
    const count = here.get(item) ?? 0;
    return count > Math.max(one, other) || count < Math.min(one, other);
  });
  const items = new Map([...theirs, ...mine].map((item) => [canonical(item), item]));
  return isOdd ? undefined : found.map((text) => items.get(text)!);
}

type Counts = Map<string, number>;

function counts(all: string[]): Counts {
  const found: Counts = new Map();
  for (const one of all) found.set(one, (found.get(one) ?? 0) + 1);
  return found;
}

/** Returns the ids in their order. Undefined if both sides changed the order of what both have. */
function orderOf(
  base: Map<string, Json> | undefined,
  mine: Map<string, Json>,
  theirs: Map<string, Json>,
): string[] | undefined {
  const common = (of: Map<string, Json>): string =>
    JSON.stringify([...of.keys()].filter((id) => mine.has(id) && theirs.has(id)));
  const [m, t] = [common(mine), common(theirs)];
  if (m === t || (base && common(base) === t)) return inserted(mine, theirs);
  return base && common(base) === m ? inserted(theirs, mine) : undefined;
}

const name = (item: unknown, at: number): string => nameOf(item) ?? String(at + 1);
const member = (of: Members, key: string): Value => (Object.hasOwn(of, key) ? of[key]! : ABSENT);
const textOf = (value: Value): string | undefined =>
  value === ABSENT ? undefined : typeof value === "string" && !isNumber(value) ? value : linesOf("", value).join("\n");

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

function mergeLines(base: string | undefined, mine: string, theirs: string): Found {
  const [b, m, t] = [base ?? "", mine, theirs].map((text) => text.split(endOf(text))) as [string[], string[], string[]];
  const ends = [base ?? theirs, mine, theirs].map(endOf) as [string, string, string];
  const end = ends[0] === ends[1] ? ends[2] : ends[1];
  const regions = base === undefined ? twoWay(m, t) : threeWay(b, m, t);
  const open = regions.filter(({ isOverlap }) => isOverlap);
  const text = (lines: string[]): string | undefined => (lines.length ? lines.join("\n") : undefined);
  const chosen = (choices: readonly Side[]): string[] =>
    regions.flatMap((one) => (one.isOverlap ? one[choices[open.indexOf(one)] ?? "mine"] : one.result));
  return {
    overlaps: open.map((one) => ({
      ...{ path: [], names: [] },
      ...{ base: base === undefined ? undefined : text(one.base), mine: text(one.mine), theirs: text(one.theirs) },
    })),
    sideOf(choices) {
      const lines = chosen(choices);
      return equal(lines, m) ? "mine" : equal(lines, t) ? "theirs" : undefined;
    },
    result: (choices) => chosen(choices).join(end),
  };
}

/** Returns what ends the lines of a text. If they end in both ways, `\r` belongs to the line. */
const endOf = (text: string): string => (/\r\n/.test(text) && !/(^|[^\r])\n/.test(text) ? "\r\n" : "\n");

const twoWay = (mine: string[], theirs: string[]) =>
  runs(mine, theirs).map(({ before, after, isSame }) => ({
    ...{ base: [] as string[], mine: before, theirs: after },
    ...{ isOverlap: !isSame, result: before },
  }));
