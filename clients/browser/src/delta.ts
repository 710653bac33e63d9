/** The encoder of deltas, a chunk of its own. It runs once when it is loaded, so that the first delta is fast. */

import { createDelta } from "fossil-delta";
import { sha256 } from "./sha256.js";
import type { Encoder } from "./requests.js";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
const ONE_EDIT_BYTES = 4096;
const SLOW_MS = 100;

type Bytes = Uint8Array<ArrayBuffer>;

let isSlow = false;

const number = (n: number): string => (n < 64 ? "" : number(n >>> 6)) + DIGITS[n & 63];

/** Returns a delta in the format of Fossil. The server checks the digest instead of the checksum, which is 0 here. */
function delta(from: Uint8Array, to: Uint8Array): Bytes {
  const most = Math.min(from.length, to.length);
  let head = 0;
  while (head < most && from[head] === to[head]) head++;
  let tail = 0;
  while (tail < most - head && from[from.length - 1 - tail] === to[to.length - 1 - tail]) tail++;
  const middle = to.subarray(head, to.length - tail);

  if (middle.length > ONE_EDIT_BYTES && !isSlow) {
    const start = performance.now();
    const made = createDelta(from, to) as Bytes;
    // It takes seconds over long runs of one character. From then on, only what is alike at both ends is left out.
    isSlow = performance.now() - start > SLOW_MS;
    return made;
  }
  const copy = (count: number, at: number): string => (count ? `${number(count)}@${number(at)},` : "");
  const encode = (text: string): Bytes => new TextEncoder().encode(text);
  const before = encode(
    `${number(to.length)}\n${copy(head, 0)}${middle.length ? `${number(middle.length)}:` : ""}`,
  );
  const after = encode(`${copy(tail, from.length - tail)}0;`);
  const made = new Uint8Array(before.length + middle.length + after.length);
  made.set(before);
  made.set(middle, before.length);
  made.set(after, before.length + middle.length);
  return made;
}

let seed = 1;
const sample = new Uint8Array(32_768).map(() => (seed = (seed * 48_271) % 2_147_483_647) >>> 8);
sha256(sample);
createDelta(
  sample,
  sample.map((byte, at) => (at % 8192 ? byte : byte + 1)),
);

export const encoder: Encoder = { delta, sha256 };
