/** Compares the items of two arrays: the final order, with what was removed where it was. */

import { idOf, type Json } from "./json.js";
import { areAlike, type Delta, type Walk } from "./structure.js";

const MOVED = 3;

/** What became of the items, from the delta of jsondiffpatch. */
function read(delta: { readonly [key: string]: unknown }) {
  const removed = new Set<number>();
  /** From the new position to the old one. */
  const moves = new Map<number, number>();
  const added = new Set<number>();
  for (const [key, change] of Object.entries(delta)) {
    if (key === "_t") continue;
    if (key.startsWith("_")) {
      const [, to, what] = change as [unknown, number, number];
      if (what === MOVED) moves.set(to, Number(key.slice(1)));
      else removed.add(Number(key.slice(1)));
    } else if (Array.isArray(change) && change.length === 1) added.add(Number(key));
  }
  return { removed, moves, added };
}

export function arrayChanges(
  walk: Walk,
  before: Json[],
  after: Json[],
  delta: { readonly [key: string]: unknown },
): void {
  const { removed, moves, added } = read(delta);
  const left = new Set(moves.values());
  const stay = before.map((_, at) => at).filter((at) => !removed.has(at) && !left.has(at));
  let at = 0;
  let gone: number[] = [];
  const collect = (until: number): void => {
    for (; at < until; at++) if (removed.has(at)) gone.push(at);
  };
  const drop = (): void => gone.splice(0).forEach((one) => removal(walk, one, before[one]!));
  after.forEach((item, to) => {
    const from = moves.get(to);
    if (from !== undefined) return move(walk, from, to, before[from]!, item, delta[to] as Delta);
    if (added.has(to)) {
      collect(stay[0] ?? before.length);
      return addition(walk, to, item, before, gone);
    }
    const old = stay.shift()!;
    collect(old);
    drop();
    at = old + 1;
    walk.item(to, item, () => walk.value("", before[old]!, item, delta[to] as Delta));
  });
  collect(before.length);
  drop();
}

function removal(walk: Walk, at: number, item: Json): void {
  walk.item(at, item, () => walk.changed("removed", "", item, undefined));
}

/** An item that came where another one went is that one, changed, unless their ids differ. */
function addition(walk: Walk, to: number, item: Json, before: Json[], gone: number[]): void {
  const old = gone.length ? before[gone[0]!]! : undefined;
  const isChange = old !== undefined && idOf(item, walk.key) === undefined && idOf(old, walk.key) === undefined;
  if (!isChange) return walk.item(to, item, () => walk.changed("added", "", undefined, item));
  gone.shift();
  walk.item(to, item, () => {
    if (areAlike(old, item)) walk.value("", old, item, walk.differ(old, item));
    else walk.changed("changed", "", old, item);
  });
}

function move(walk: Walk, from: number, to: number, old: Json, item: Json, delta: Delta): void {
  walk.item(to, item, () => {
    walk.note({ kind: "moved", before: old, after: item, from: from + 1, to: to + 1 });
    if (delta && !Array.isArray(delta)) {
      const first = walk.rows.length;
      const change = walk.changes.length - 1;
      walk.inside("", old, item, delta as { readonly [key: string]: unknown });
      walk.rows[first] = { ...walk.rows[first]!, kind: "moved", change };
    } else walk.moved(item);
  });
}
