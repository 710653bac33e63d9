import assert from "node:assert/strict";
import { test } from "node:test";
import { outlives, restoredFrom, sittings } from "../src/elements/versions.js";
import type { RevisionMetadata } from "../src/wire.gen.js";

const MINUTE = 60_000;

/** Versions from words such as `a` for an autosave and `s` for a save, the newest first, a minute apart. */
function versions(actions: string, more: (version: number) => Partial<RevisionMetadata> = () => ({})) {
  return [...actions].map((one, at): RevisionMetadata => {
    const version = actions.length - at;
    const made = { action: one === "a" ? "autosaved" : one === "r" ? "restored" : "saved" } as const;
    const savedAt = new Date(version * MINUTE).toISOString();
    const known = { contentBytes: 1, contentHash: String(version), deviceInfo: null, mediaType: null, title: "" };
    const nothing = { description: null, name: null, previousVersion: null };
    return { version, savedAt, ...made, ...known, ...nothing, ...more(version) };
  });
}

const folded = (all: RevisionMetadata[]) => sittings(all).map((sitting) => sitting.map(({ version }) => version));

test("the autosaves of a sitting fold, but for the current version and those with a name", () => {
  assert.deepEqual(folded(versions("aaasaa")), [[6], [5, 4], [3], [2, 1]]);
  assert.deepEqual(folded(versions("saaa", (version) => (version === 2 ? { name: "x" } : {}))), [[4], [3], [2], [1]]);
});

test("another device or a pause begins another sitting", () => {
  const device = (version: number) => ({ deviceInfo: version > 2 ? "A" : "B" });
  assert.deepEqual(folded(versions("saaaa", device)), [[5], [4, 3], [2, 1]]);
  const late = (version: number) => ({ savedAt: new Date(version * MINUTE * (version > 2 ? 40 : 1)).toISOString() });
  assert.deepEqual(folded(versions("saaa", late)), [[4], [3], [2, 1]]);
});

test("a restored version names where it came from, if that is still there", () => {
  const all = versions("rss", (version) => ({ contentHash: version === 2 ? "other" : "same" }));
  assert.equal(restoredFrom(all[0]!, all), 1);
  assert.equal(restoredFrom(all[0]!, all.slice(0, 2)), undefined);
});

test("autosaves go first, the oldest first, and never the current version or one with a name", () => {
  const all = versions("ssaas", (version) => (version === 4 ? { name: "x" } : {}));
  const kept = { unnamed: 4, named: 20 };
  const life = Object.fromEntries(all.map((one) => [one.version, outlives(one, { all, kept })]));
  assert.deepEqual(life, { 5: undefined, 4: undefined, 3: 1, 2: 0, 1: 2 });
});
