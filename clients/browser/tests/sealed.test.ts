import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Problem } from "../src/http.js";
import { createSealed } from "../src/sealed.js";

const { seal, unseal } = createSealed(
  Problem,
  () => assert.fail(),
  () => assert.fail(),
);

const isWrongKey = (error: { type?: string }): boolean => error.type === "wrong_key";

test("a sealed text comes back with its key, and the server's part has neither", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 200 }), async (text) => {
      const { content, key } = await seal(text, "text/plain");
      assert.deepEqual(await unseal(content, key), { text, mediaType: "text/plain" });
      assert.ok(!content.includes(key));
    }),
    { numRuns: 50 },
  );
});

test("a link or a content that was changed anywhere is refused in words", async () => {
  const { content, key } = await seal('{"laps":12}', undefined);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ #%é";
  const changed = (text: string) =>
    fc
      .tuple(fc.nat(text.length), fc.nat(2), fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 3 }))
      .map(([at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut))
      .filter((one) => one !== text);
  await fc.assert(
    fc.asyncProperty(changed(content), changed(key), async (otherContent, otherKey) => {
      await assert.rejects(unseal(otherContent, key), isWrongKey);
      await assert.rejects(unseal(content, otherKey), isWrongKey);
    }),
    { numRuns: 5_000 },
  );
});

test("the key of another link opens nothing", async () => {
  const [one, other] = [await seal("one", undefined), await seal("other", undefined)];
  await assert.rejects(unseal(one.content, other.key), isWrongKey);
  await assert.rejects(unseal(one.content, ""), isWrongKey);
});
