/** Makes what is sent smaller: a delta of an edit, or a gzipped content. Part of the chunk with the encoder. */

import type { Call } from "./http.js";
import type { Packing } from "./requests.js";

const GZIP_FROM_BYTES = 1024;

export interface Encoder {
  delta(from: Uint8Array, to: Uint8Array): Uint8Array<ArrayBuffer>;
  sha256(bytes: Uint8Array): string;
}

/** Of one document. */
export function createPackingWith({ delta, sha256 }: Encoder): Packing {
  let ready: { source: string; blob: Blob } | undefined;
  let known: { text: string; bytes: Uint8Array }[] = [];

  /** The bytes of the acknowledged text, and of the one that is sent. */
  function bytesOf(text: string): Uint8Array {
    const found = known.find((one) => one.text === text) ?? { text, bytes: new TextEncoder().encode(text) };
    known = [found, ...known.filter((one) => one !== found)].slice(0, 2);
    return found.bytes;
  }

  const packed = (call: Call, blob: Blob): Call => ({
    ...call,
    headers: { ...call.headers, "Content-Encoding": "gzip" },
    body: blob,
  });

  return {
    delta(from, to) {
      const bytes = bytesOf(to);
      const body = delta(bytesOf(from), bytes);
      if (body.length >= bytes.length) return;
      const digest = `sha-256=:${sha256(bytes)}:`;
      return { headers: { "Content-Type": "application/x-fossil-delta", "Patched-Digest": digest }, body };
    },
    ready: (call) => (ready && ready.source === call.body ? packed(call, ready.blob) : call),
    async pack(call) {
      const { body } = call;
      if (ready && ready.source === body) return packed(call, ready.blob);
      if (!("CompressionStream" in globalThis) || new Blob([body ?? ""]).size < GZIP_FROM_BYTES) return call;
      const stream = new Blob([body!]).stream().pipeThrough(new CompressionStream("gzip"));
      const blob = await new Response(stream).blob();
      if (typeof body === "string") ready = { source: body, blob };
      return packed(call, blob);
    },
  };
}
