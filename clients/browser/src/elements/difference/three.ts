/** Merges sequences by three sides. */

import { runs } from "./lines.js";

/** A part of the merged sequence. `result` is what to take, unless both sides changed it. */
interface Region {
  base: string[];
  mine: string[];
  theirs: string[];
  isOverlap: boolean;
  result: string[];
}

export function threeWay(base: string[], mine: string[], theirs: string[]): Region[] {
  const inMine = places(base, mine);
  const inTheirs = places(base, theirs);
  const regions: Region[] = [];
  let [b, m, t] = [0, 0, 0];
  for (let at = 0; at <= base.length; at++) {
    const isEnd = at === base.length;
    const toMine = isEnd ? mine.length : inMine.get(at);
    const toTheirs = isEnd ? theirs.length : inTheirs.get(at);
    if (toMine === undefined || toTheirs === undefined) continue;
    if (b < at || m < toMine || t < toTheirs) {
      regions.push(regionOf(base.slice(b, at), mine.slice(m, toMine), theirs.slice(t, toTheirs)));
    }
    if (!isEnd) {
      const line = [base[at]!];
      regions.push({ base: line, mine: line, theirs: line, isOverlap: false, result: line });
    }
    [b, m, t] = [at + 1, toMine + 1, toTheirs + 1];
  }
  return regions;
}

/** Returns where the lines that stayed are now. */
function places(base: string[], now: string[]): Map<number, number> {
  const found = new Map<number, number>();
  let [from, to] = [0, 0];
  for (const { before, after, isSame } of runs(base, now)) {
    if (isSame) before.forEach((_, at) => found.set(from + at, to + at));
    from += before.length;
    to += after.length;
  }
  return found;
}

function regionOf(base: string[], mine: string[], theirs: string[]): Region {
  const same = (a: string[], b: string[]): boolean => a.length === b.length && a.every((one, at) => one === b[at]);
  const isOverlap = !same(base, mine) && !same(base, theirs) && !same(mine, theirs);
  return { base, mine, theirs, isOverlap, result: same(base, mine) ? theirs : mine };
}
