import assert from "node:assert/strict";
import { test } from "node:test";
import { csvOf, fold } from "../src/elements/sittings.js";
import type { Activity } from "../src/wire.gen.js";

const line = (at: string, more: Partial<Activity> = {}): Activity => ({
  ...{ at: `2026-11-24T${at}:00Z`, action: "saved", actor: "me", version: 1, name: null, app: null },
  ...{ deviceInfo: "Firefox", contentHash: null, contentBytes: 3 },
  subject: { kind: "session", id: "a", title: "Alpha" },
  ...more,
});

test("repeats fold while less than half an hour lies between two of them", () => {
  const found = fold([line("14:40"), line("14:20"), line("14:00"), line("13:00")]);
  assert.deepEqual(
    found.map(({ first, last, count }) => [first.at.slice(11, 16), last.at.slice(11, 16), count]),
    [
      ["14:00", "14:40", 3],
      ["13:00", "13:00", 1],
    ],
  );
});

test("another document, device, action or name is another row", () => {
  const other: Partial<Activity>[] = [
    { subject: { kind: "session", id: "b", title: "Beta" } },
    { deviceInfo: "Safari" },
    { action: "autosaved" },
    { name: "Final" },
    { actor: "timer" },
  ];
  for (const more of other) assert.equal(fold([line("14:01"), line("14:00", more)]).length, 2);
});

test("lines of one moment are told apart, and a row that grows stays the same row", () => {
  const other = line("14:00", { subject: { kind: "session", id: "b", title: "Beta" } });
  const found = fold([line("14:00"), other]).map(({ id }) => id);
  assert.notEqual(found[0], found[1]);
  assert.equal(fold([line("14:10", { version: 2 }), line("14:00")])[0]!.id, found[0]);
});

test("no cell of the file can be run as a formula, and none breaks its row", () => {
  for (const title of ["=1+1", "+1", "-1", "@x", "\t=1"]) {
    const [, row] = csvOf([line("14:00", { subject: { kind: "session", id: "a", title } })]).split("\r\n");
    assert.ok(row?.includes(`,'${title}`), row);
  }
  const quoted = csvOf([line("14:00", { subject: { kind: "session", id: "a", title: 'a,"b"\nc' } })]);
  assert.ok(quoted.includes(',"a,""b""\nc",'));
});
