/** An encoder of deltas in the format of Fossil, a chunk of its own.
 *
 * Its time grows with the texts alone, as a page that is closing needs. The encoder of npm's fossil-delta compares up
 * to 250 places for each block: over a megabyte of one character, that takes a second. The tests decode with it.
 */

import { sha256 } from "./sha256.js";
import { createPackingWith, type Encoder } from "./packing.js";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
const BLOCK = 16;
const FACTOR = 0x01000193;
/** What a byte has become when it leaves the window: FACTOR to the power of BLOCK. */
let LEAVING = 1;
for (let at = 0; at < BLOCK; at++) LEAVING = Math.imul(LEAVING, FACTOR);

const number = (n: number): string => (n < 64 ? "" : number(n >>> 6)) + DIGITS[n & 63];

function hashOf(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let i = 0; i < BLOCK; i++) hash = (Math.imul(hash, FACTOR) + bytes[at + i]!) | 0;
  return hash;
}

/** Returns a delta. The server checks the digest instead of the checksum, which is 0 here. */
function delta(from: Uint8Array, to: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: (string | Uint8Array)[] = [`${number(to.length)}\n`];
  const most = Math.min(from.length, to.length);
  let head = 0;
  while (head < most && from[head] === to[head]) head++;
  let tail = 0;
  while (tail < most - head && from[from.length - 1 - tail] === to[to.length - 1 - tail]) tail++;
  const end = to.length - tail;

  const literal = (start: number, stop: number): void => {
    if (stop > start) parts.push(`${number(stop - start)}:`, to.subarray(start, stop));
  };
  const copy = (count: number, at: number): void => {
    if (count) parts.push(`${number(count)}@${number(at)},`);
  };

  copy(head, 0);
  let done = head;
  if (end - head >= BLOCK) {
    // The last place of each block of the middle, by its hash.
    const bits = Math.max(4, 33 - Math.clz32((from.length - head - tail) / BLOCK));
    const places = new Int32Array(2 ** bits).fill(-1);
    const slot = (hash: number): number => Math.imul(hash, 0x9e3779b1) >>> (32 - bits);
    for (let at = head; at + BLOCK <= from.length - tail; at += BLOCK) places[slot(hashOf(from, at))] = at;

    let at = head;
    let hash = hashOf(to, at);
    while (at + BLOCK <= end) {
      let place = places[slot(hash)]!;
      let same = 0;
      if (place >= 0)
        while (at + same < end && place + same < from.length && from[place + same] === to[at + same]) same++;
      if (same >= BLOCK) {
        let start = at;
        while (start > done && place > 0 && from[place - 1] === to[start - 1]) {
          start--;
          place--;
        }
        literal(done, start);
        at += same;
        copy(at - start, place);
        done = at;
        if (at + BLOCK <= end) hash = hashOf(to, at);
      } else {
        hash = (Math.imul(hash, FACTOR) + to[at + BLOCK]! - Math.imul(LEAVING, to[at]!)) | 0;
        at++;
      }
    }
  }
  literal(done, end);
  copy(tail, from.length - tail);
  parts.push("0;");
  return joined(parts);
}

function joined(parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const bytes = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  const all = new Uint8Array(bytes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of bytes) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// The first delta is to be fast, too.
let seed = 1;
const sample = new Uint8Array(32_768).map(() => (seed = (seed * 48_271) % 2_147_483_647) >>> 8);
sha256(sample);
delta(
  sample,
  sample.map((byte, at) => (at % 4096 ? byte : byte + 1)),
);

export const encoder: Encoder = { delta, sha256 };
export const createPacking = () => createPackingWith(encoder);
