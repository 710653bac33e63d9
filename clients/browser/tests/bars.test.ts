import assert from "node:assert/strict";
import { test } from "node:test";
import { barsOf } from "../src/elements/bars.js";

test("a day begins at its midnight, also when the clock was changed before it", () => {
  const before = process.env.TZ;
  process.env.TZ = "Europe/Berlin"; // summer time ended at night on 25 October 2026
  try {
    const at = (day: number, hour: number): number => new Date(2026, 9, day, hour).getTime();
    const bars = barsOf([at(24, 12), at(25, 23), at(26, 0), at(28, 23)], at(28, 23));
    assert.deepEqual(bars.map(({ count }) => count), [1, 1, 1, 0, 1]);
    assert.deepEqual(bars.map(({ from }) => from), [24, 25, 26, 27, 28].map((day) => at(day, 0)));
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
});

test("many days are put together", () => {
  const bars = barsOf([new Date(2026, 0, 1).getTime()], new Date(2026, 11, 31).getTime());
  assert.equal(bars.length, 29);
  assert.equal(bars[0]!.count, 1);
});
