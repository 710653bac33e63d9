import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { applyDelta } from "fossil-delta";
import { encoder } from "../src/delta.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const apply = (from: Uint8Array, delta: Uint8Array) => applyDelta(from, delta, { verifyChecksum: false });

test("a delta makes one text of another", () => {
  const part = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string().map((text) => text.repeat(900)),
  );
  fc.assert(
    fc.property(part, part, part, part, (head, old, now, tail) => {
      const [from, to] = [bytes(head + old + tail), bytes(head + now + tail)];
      assert.deepEqual(apply(from, encoder.delta(from, to)), to);
    }),
  );
});

test("edits all over a large text take about as many bytes as they have", () => {
  const text = Array.from({ length: 60_000 }, (_, at) => `{"cell":${at},"value":${(at * 7919) % 1000}}`);
  const from = bytes(text.join());
  for (const at of [10, 20_000, 40_000, 59_000]) text[at] = '{"cell":"edited"}';
  const to = bytes(text.join());
  const delta = encoder.delta(from, to);
  assert.deepEqual(apply(from, delta), to);
  assert.ok(delta.length < 300, `${delta.length} bytes`);
});

test("one edit in a megabyte of zeros is as small", () => {
  const from = new Uint8Array(1_000_000).fill(48);
  const to = from.slice();
  to[500_000] = 1;
  const delta = encoder.delta(from, to);
  assert.ok(delta.length < 50);
  assert.deepEqual(apply(from, delta), to);
});

test("the digest is SHA-256, for every length", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
      assert.equal(encoder.sha256(data), createHash("sha256").update(data).digest("base64"));
    }),
  );
  const large = bytes("0123456789".repeat(20_000));
  assert.equal(encoder.sha256(large), createHash("sha256").update(large).digest("base64"));
});
