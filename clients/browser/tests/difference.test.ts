import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compare, isAsBefore, merge, pieces, withPart } from "../src/elements/difference/compare.js";

const json = (value: unknown) => JSON.stringify(value);
const changes = (before: unknown, after: unknown, key?: string) =>
  compare(json(before), json(after), key).changes.map(({ path, kind, before, after, from, to }) => ({
    path: path.join("."),
    kind,
    ...(kind === "moved" ? { from, to } : { before, after }),
  }));

test("the order of keys and spaces are no change", () => {
  const found = compare('{"a":1,"b":[1, 2]}', '{\n "b": [1,2],\n "a": 1}');
  assert.deepEqual([found.changes, found.isOnlyForm], [[], true]);
});

test("members are changed, added and removed", () => {
  assert.deepEqual(changes({ oil: 600, wing: 3, gone: 1 }, { oil: 650, wing: 3, tyres: { set: "A" } }), [
    { path: "oil", kind: "changed", before: 600, after: 650 },
    { path: "gone", kind: "removed", before: 1, after: undefined },
    { path: "tyres", kind: "added", before: undefined, after: { set: "A" } },
  ]);
});

const runs = [
  { id: 1, lap: 50 },
  { id: 2, lap: 60 },
  { id: 3, lap: 70 },
];

test("objects in arrays are matched by id, and a moved one that also changed is both", () => {
  const [a, b, c] = runs;
  assert.deepEqual(changes({ runs }, { runs: [{ ...c, lap: 71 }, a, b] }), [
    { path: "runs.0", kind: "moved", from: 3, to: 1 },
    { path: "runs.0.lap", kind: "changed", before: 70, after: 71 },
  ]);
});

test("a person can say by which key they are matched", () => {
  const before = [{ lap: 1, at: "x" }, { lap: 2, at: "y" }];
  const after = [{ lap: 2, at: "z" }, { lap: 1, at: "x" }];
  assert.deepEqual(compare(json(before), json(after)).keys, ["lap", "at"]);
  assert.deepEqual(changes(before, after, "lap").map(({ kind }) => kind), ["moved", "changed"]);
});

test("objects without an id that are at the same place are changed within", () => {
  assert.deepEqual(changes([{ oil: 1, wing: 1 }, { oil: 2, wing: 2 }], [{ oil: 1, wing: 1 }, { oil: 3, wing: 2 }]), [
    { path: "1.oil", kind: "changed", before: 2, after: 3 },
  ]);
  assert.deepEqual(changes([{ a: 1 }], [{ b: 0 }, { a: 1 }]).map(({ path, kind }) => [path, kind]), [["0", "added"]]);
});

const items = fc.uniqueArray(fc.record({ id: fc.nat(12), lap: fc.nat(3) }), { selector: ({ id }) => id });
const value = fc.oneof(
  items,
  fc.array(fc.nat(3)),
  // An object with the key `__proto__` is compared as text.
  fc.jsonValue().filter((one) => typeof one === "object" && one !== null && !json(one).includes('"__proto__":')),
  fc.dictionary(fc.constantFrom("a", "b", "c"), fc.oneof(items, fc.array(fc.nat(3)), fc.nat(3))),
);
/** The lines of one side, without what the other one has in their place. */
const side = (before: unknown, after: unknown, which: "before" | "after") =>
  compare(json(before), json(after)).rows.map((row) => row[which]).filter((line) => line !== undefined);

test("the right side is the whole new text in its final order, and the left side has every line of the old one", () => {
  const text = (lines: unknown[]) => lines.map((line) => String(line).trim()).join("");
  const sorted = (lines: unknown[]) => [...text(lines)].sort().join("");
  fc.assert(
    fc.property(value, value, (before, after) => {
      if (Array.isArray(before) !== Array.isArray(after)) return; // these are compared as lines
      assert.equal(text(side(before, after, "after")), text(side(after, after, "after")));
      const isMoved = compare(json(before), json(after)).changes.some(({ kind }) => kind === "moved");
      if (!isMoved) assert.equal(sorted(side(before, after, "before")), sorted(side(before, before, "before")));
      assert.equal(compare(json(before), json(after)).changes.length > 0, sameAs(before) !== sameAs(after));
    }),
    { numRuns: 400 },
  );
});

function sameAs(value: unknown): string {
  return JSON.stringify(value, (_, one) =>
    one && typeof one === "object" && !Array.isArray(one) ? Object.fromEntries(Object.keys(one).sort().map((key) => [key, one[key]])) : one,
  );
}

test("text is compared by lines, and changed lines within", () => {
  const { rows, changes } = compare("one\ntwo\nthree", "one\n2\nthree\nfour");
  assert.deepEqual(rows.map(({ kind, before, after }) => [kind, before, after]), [
    ["same", "one", "one"],
    ["changed", "two", "2"],
    ["same", "three", "three"],
    ["added", undefined, "four"],
  ]);
  assert.deepEqual(changes.map(({ kind, to }) => [kind, to]), [["changed", 2], ["added", 4]]);
  assert.deepEqual(pieces("front 600", "front 650"), [
    [["front ", false], ["600", true]],
    [["front ", false], ["650", true]],
  ]);
});

test("digits that JSON.parse would lose make it text", () => {
  assert.equal(compare('{"a":12345678901234567890}', '{"a":12345678901234567891}').changes.length, 1);
});

test("large arrays of other numbers take no minutes", () => {
  const numbers = (from: number) => Array.from({ length: 60_000 }, (_, at) => from + at);
  assert.equal(compare(json(numbers(0)), json(numbers(100_000))).changes.length, 1);
});

const merged = (base: unknown, mine: unknown, theirs: unknown) => merge(json(base), json(mine), json(theirs));

test("edits that do not overlap are merged", () => {
  const { overlaps, result, merged: alone } = merged(
    { oil: 1, wing: 1, runs },
    { oil: 2, wing: 1, runs: [runs[0], { ...runs[1], lap: 61 }, runs[2]] },
    { oil: 1, wing: 3, runs: [runs[2], runs[0], runs[1], { id: 4, lap: 1 }], notes: "x" },
  );
  assert.deepEqual(overlaps, []);
  assert.deepEqual(JSON.parse(result([])), {
    ...{ oil: 2, wing: 3, notes: "x" },
    runs: [runs[2], runs[0], { id: 2, lap: 61 }, { id: 4, lap: 1 }],
  });
  assert.deepEqual(new Set(alone.map(({ side, change }) => `${side} ${change.path.join(".")}`)).has("mine oil"), true);
});

test("what both changed is asked, also if one side removed it", () => {
  const { overlaps, result } = merged({ oil: 1, wing: 1 }, { oil: 2, wing: 2 }, { oil: 3 });
  assert.deepEqual(overlaps.map(({ path, base, mine, theirs }) => [path, base, mine, theirs]), [
    [["oil"], "1", "2", "3"],
    [["wing"], "1", "2", undefined],
  ]);
  assert.deepEqual(JSON.parse(result(["theirs", "theirs"])), { oil: 3 });
  assert.deepEqual(JSON.parse(result(["mine", "mine"])), { oil: 2, wing: 2 });
});

test("without a base, each difference is asked", () => {
  const { overlaps, result } = merge(undefined, '{"a":1,"b":1}', '{"a":1,"b":2,"c":3}');
  assert.deepEqual(overlaps.map(({ path }) => path), [["b"], ["c"]]);
  assert.deepEqual(JSON.parse(result(["mine", "theirs"])), { a: 1, b: 1, c: 3 });
});

test("one side that changed nothing loses nothing, whatever the other did", () => {
  fc.assert(
    fc.property(value, value, (base, other) => {
      for (const [mine, theirs] of [[base, other], [other, base]] as const) {
        const { overlaps, result } = merged(base, mine, theirs);
        assert.deepEqual([overlaps.length, sameAs(JSON.parse(result([])))], [0, sameAs(other)]);
      }
    }),
  );
});

const all = ({ overlaps, result }: ReturnType<typeof merge>, side: "mine" | "theirs") => result(overlaps.map(() => side));

test("without a base, all mine is mine, and all theirs is theirs, to the letter", () => {
  const text = fc.oneof(value.map(json), value.map((one) => JSON.stringify(one, null, 2)), fc.string({ unit: fc.constantFrom("a", "\r\n", "\n", "1.0") }));
  fc.assert(
    fc.property(text, text, (mine, theirs) => {
      const found = merge(undefined, mine, theirs);
      if (sameAs(read(mine)) === sameAs(read(theirs))) return; // there is nothing to choose
      assert.equal(all(found, "mine"), mine);
      assert.equal(all(found, "theirs"), theirs);
    }),
    { numRuns: 1_000 },
  );
});

const read = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text.split(/\r?\n/);
  }
};

const loose = fc.array(fc.oneof(fc.nat(3), fc.record({ a: fc.nat(2) })), { maxLength: 5 });
const choices = fc.infiniteStream(fc.constantFrom("mine" as const, "theirs" as const));

test("a merged array without ids has no item more often or more seldom than both sides, and is one side if it is asked", () => {
  fc.assert(
    fc.property(loose, loose, loose, choices, (base, mine, theirs, side) => {
      const { overlaps, result } = merged(base, mine, theirs);
      const found = JSON.parse(result(overlaps.map(() => side.next().value!))) as unknown[];
      if (overlaps.length) assert.ok([mine, theirs].some((one) => json(one) === json(found)));
      const count = (all: unknown[], one: unknown) => all.filter((other) => json(other) === json(one)).length;
      for (const one of [...mine, ...theirs, ...found]) {
        const [m, t, here] = [mine, theirs, found].map((all) => count(all, one)) as [number, number, number];
        assert.ok(here <= Math.max(m, t) && here >= Math.min(m, t), json({ base, mine, theirs, found }));
      }
    }),
    { numRuns: 1_000 },
  );
});

const identified = fc.uniqueArray(fc.record({ id: fc.nat(5), a: fc.nat(2), b: fc.nat(2) }), { selector: ({ id }) => id, maxLength: 5 });

test("each item of a merged array with ids is there once, and each member of it is one that a side has there", () => {
  fc.assert(
    fc.property(identified, identified, identified, choices, (base, mine, theirs, side) => {
      const { overlaps, result } = merged(base, mine, theirs);
      const found = JSON.parse(result(overlaps.map(() => side.next().value!))) as typeof base;
      assert.equal(new Set(found.map(({ id }) => id)).size, found.length);
      for (const { id, a, b } of found) {
        const both = [...mine, ...theirs].filter((one) => one.id === id);
        assert.ok(both.some((one) => one.a === a) && both.some((one) => one.b === b));
      }
    }),
    { numRuns: 1_000 },
  );
});

test("an order that both have changed is asked", () => {
  const [a, b, c] = runs;
  const { overlaps, result } = merged(runs, [c, a, b], [b, a, c]);
  assert.equal(overlaps.length, 1);
  assert.deepEqual(JSON.parse(result(["theirs"])), [b, a, c]);
});

test("an item that was inserted on one side shifts none of the other", () => {
  const { overlaps, result } = merged([{ a: 1 }, { a: 2 }], [{ a: 0 }, { a: 1 }], [{ a: 1 }, { a: 3 }]);
  assert.deepEqual(overlaps.map(({ path }) => path), [[]]);
  assert.deepEqual(JSON.parse(result(["theirs"])), [{ a: 1 }, { a: 3 }]);
});

test("no number changes by a merge", () => {
  const text = (own: string) => `{"own":${own},"a":1.0,"b":[1E5,-1.50,100],"c":{"id":7.0}}\n`;
  assert.equal(merge(text("1"), text("2"), text("1").replace('"c"', '"d":3.0,"c"')).result([]), text("2").replace("}}", '},"d":3.0}'));
  for (const lost of ["1e400", "-0", "12345678901234567891", "0.12345678901234567891"]) {
    const lines = (own: string) => `{\n"own":${own},\n"x":1,\n"lost":${lost}\n}`;
    assert.equal(merge(lines("1"), lines("2"), lines("1")).result([]), lines("2"));
    assert.equal(compare(`[${lost}]`, "[5]").changes[0]?.path.length, 0, "it is compared as text");
  }
  assert.deepEqual(compare('{"a":1.0}', '{"a":1}').isOnlyForm, true);
});

test("members that objects have by themselves are compared and merged as others", () => {
  assert.deepEqual(changes({}, { constructor: 1, toString: 2 }).map(({ path }) => path), ["constructor", "toString"]);
  assert.deepEqual(changes({ constructor: 1, a: 1 }, { a: 2 }).map(({ path }) => path), ["constructor", "a"]);
  assert.deepEqual(changes({ constructor: 1, a: 1 }, { constructor: 1, a: 2 }).map(({ path }) => path), ["a"]);
  assert.equal(json(compare(json({}), json({ x: { valueOf: 1 } })).changes[0]!.after), '{"valueOf":1}');
  const text = '{"__proto__":1,"a":1}';
  assert.equal(merge(text, text.replace("1}", "2}"), text).result([]), text.replace("1}", "2}"));
  assert.equal(compare(text, text.replace("1,", "2,")).changes.length, 1);
  assert.deepEqual(changes({ a: "__proto__" }, { a: "x" }).map(({ path }) => path), ["a"]);
});

test("ends of lines are no change, stay as they are, and hinder no merge", () => {
  assert.deepEqual([compare("a\r\nb", "a\nb").changes, compare("a\r\nb", "a\nb").isOnlyForm], [[], true]);
  const windows = (text: string) => text.replaceAll("\n", "\r\n");
  assert.equal(merge("1\n2\n3\n4\n5", windows("m\n2\n3\n4\n5"), "1\n2\n3\n4\nt").result([]), windows("m\n2\n3\n4\nt"));
  assert.equal(merge("1\n2\n3\n4\n5", "m\n2\n3\n4\n5", windows("1\n2\n3\n4\nt")).result([]), windows("m\n2\n3\n4\nt"));
  assert.equal(merge("1\r\n2\n3", "m\r\n2\n3", "1\r\n2\nt").result([]), "m\r\n2\nt");
});

test("one part is put into a text whose numbers and form stay", () => {
  const text = '{\r\n  "a": 1.0,\r\n  "runs": [1e2, 2]\r\n}\r\n';
  assert.equal(withPart(text, ["runs", 1], 3, false).replaceAll(/\s/g, ""), '{"a":1.0,"runs":[1e2,3]}');
  assert.ok(withPart(text, ["a"], 2, false).startsWith('{\r\n  "a": 2,\r\n') && withPart(text, ["a"], 2, false).endsWith("}\r\n"));
});

test("a position counts only while the whole array is the same", () => {
  assert.equal(isAsBefore(["runs", 1, "lap"], '{"runs":[{"lap":1},{"lap":2}]}', '{"x":1,"runs":[{"lap":1},{"lap":2}]}'), true);
  assert.equal(isAsBefore(["runs", 1, "lap"], '{"runs":[{"lap":1},{"lap":2}]}', '{"runs":[{"lap":0},{"lap":2}]}'), false);
  assert.equal(isAsBefore(["oil"], '{"oil":1,"x":1}', '{"oil":1,"x":2}'), true);
  assert.equal(isAsBefore(["oil"], '{"oil":1}', "no JSON"), false);
});

test("what only one side changed is named once, also beside what is asked", () => {
  const { merged: alone } = merged({ a: 1, b: 1, c: 1 }, { a: 2, b: 2, c: 1 }, { a: 3, b: 1, c: 2 });
  assert.deepEqual(alone.map(({ side, change }) => [side, change.path.join()]), [["mine", "b"], ["theirs", "c"]]);
});

test("all mine is mine, and all theirs is theirs, where they overlap at all", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom("a", "b"), fc.nat(3)), (mine) => {
      const theirs = { a: "x", b: "y" };
      const { overlaps, result } = merged({}, mine, theirs);
      const all = (choice: "mine" | "theirs") => JSON.parse(result(overlaps.map(() => choice)));
      assert.deepEqual(all("theirs"), theirs);
      assert.deepEqual(all("mine"), { ...theirs, ...mine });
    }),
  );
});

test("lines merge, and overlapping lines are asked", () => {
  const clean = merge("1\n2\n3\n4\n5\n", "1\nmine\n3\n4\n5\n", "1\n2\n3\ntheirs\n5\n");
  assert.deepEqual([clean.overlaps, clean.result([])], [[], "1\nmine\n3\ntheirs\n5\n"]);
  const asked = merge("1\n2\n3", "1\nm\n3", "1\nt\n3\n4");
  assert.deepEqual(asked.overlaps.map(({ base, mine, theirs }) => [base, mine, theirs]), [["2", "m", "t"]]);
  assert.equal(asked.result(["theirs"]), "1\nt\n3\n4");
});

test("lines of one side that changed alone are never lost", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", "")).map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(text, text, (base, other) => {
      assert.equal(merge(base, base, other).result([]), other);
      assert.equal(merge(base, other, base).result([]), other);
    }),
  );
});
