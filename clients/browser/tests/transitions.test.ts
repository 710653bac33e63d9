/** Single steps of the state machine: what comes late, or cannot be read or shown. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createCommands } from "../src/commands.js";
import type { Handle } from "../src/document.js";
import type { Core } from "../src/late.js";
import { next, start } from "../src/machine.js";
import type { Attempt, Base, Event, Meta, State } from "../src/model.js";
import { baseOf } from "../src/steps.js";
import { CONFIG } from "./world.js";

const metaOf = (version: number): Meta => ({
  ...{ id: "doc", ownerId: "ann", title: "Old", description: null, status: "active", deviceInfo: null },
  ...{ version, etag: `"${version}"`, updatedAt: "" },
});
const OURS: Base = baseOf(metaOf(1), "one");
const THEIRS: Base = baseOf(metaOf(2), "two");
const RENAME: Event = { t: "rename", rename: { title: "Second" } };

const opened = (known: Partial<State> = {}): State =>
  start("doc", "seed", CONFIG, { kind: "active", base: OURS, ...known });
const after = (state: State, ...events: Event[]): State =>
  events.reduce((s, event) => next(s, event)[0], state);

/** The journal has the attempt, and the server accepts it. */
function saved(state: State): State {
  const { key, etag } = state.attempt as Attempt;
  const r = { k: "ok", meta: metaOf(Number(etag?.match(/\d+/)?.[0] ?? 0) + 1) } as const;
  const kept: Event = { t: "kept", edits: state.snapped, key, ok: true };
  return after(state, kept, { t: "answer", key, r, now: 0, random: 0 });
}

test("a text that cannot be read is not sent, and read again", () => {
  for (const state of [start("doc", "seed", CONFIG), opened()]) {
    const [edited] = next(state, state.base ? { t: "edit" } : RENAME);
    const [waiting, effects] = next(edited, { t: "send" });
    assert.equal(waiting.attempt, null);
    assert.deepEqual(effects, [["timer", "send", CONFIG.wait, CONFIG.maxWait]]);
    const read = after(waiting, { t: "text", text: "mine" }, { t: "send" });
    assert.equal(read.attempt?.text, "mine");
    assert.equal(saved(read).acked, read.edits);
  }
});

test("an edit overwrites no text that was not shown because of a title that was to change", () => {
  const load: Event = { t: "loaded", r: { k: "ok", meta: metaOf(2) }, text: "two", id: "copy", now: 0, random: 0 };
  const met = after(opened({ loading: true }), RENAME, load);
  assert.deepEqual([met.text, met.attempt?.form], ["two", "title"]);
  let state = after(met, { t: "unapplied", base: OURS, error: "broken" });
  for (let n = 0; state.attempt && n < 3; n++) state = saved(state);
  state = after(state, { t: "edit" }, { t: "text", text: "one and mine" }, { t: "send" });
  assert.equal(state.attempt?.etag, OURS.etag);
});

test("a reload ends a load whose response was lost", () => {
  const state = opened({ loading: true, trouble: "offline", tries: 3 });
  const { loading, tries } = after(state, { t: "replace", base: THEIRS, kind: "active" });
  assert.deepEqual({ loading, tries }, { loading: false, tries: 0 });
});

test("a reload that comes late changes nothing of a document that goes on under a new id", async () => {
  let state = opened();
  let arrive = (_: object): void => undefined;
  const handle = {
    state: () => state,
    run: async (event: Event) => void (state = after(state, event)),
    until: async () => undefined,
  } as unknown as Handle;
  const ask = async () => new Promise<any>((done) => (arrive = done));
  const reloading = createCommands(handle, { baseOf } as Core, ask as never, async () => undefined).reload();
  await Promise.resolve();
  await Promise.resolve();
  state = saved(after(state, { t: "fork", id: "new", title: "Second" }));
  const before = state;
  arrive({ metadata: metaOf(2), content: "two" });
  await reloading;
  assert.deepEqual([state.text, state.base], ["one", before.base]);
});
