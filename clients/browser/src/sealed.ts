/** Links to snapshots that only those who have the link can read. The key is in the fragment, which no browser sends. */

import type { Ask } from "./calls.js";
import type { Problem as ProblemClass } from "./http.js";
import type { SnapshotContent } from "./wire.gen.js";

/** The media type of what the server has: base64 of one byte for the format, 12 of nonce, and AES-256-GCM. */
const SEALED = "application/vnd.savepoint.sealed";

const PLAIN = 1;
const GZIPPED = 2;
const NONCE_BYTES = 12;
const KEY = { name: "AES-GCM", length: 256 };

export interface Shared {
  readonly id: string;
  readonly text: string;
  /** Undefined if it was not sent, or nobody chose one. */
  readonly title: string | undefined;
  readonly mediaType: string | undefined;
  readonly createdAt: string;
}

const toBase64 = (bytes: Uint8Array): string => {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
};
const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const toUrl = (bytes: Uint8Array): string =>
  toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const fromUrl = (text: string): Uint8Array<ArrayBuffer> => fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));

async function through(bytes: Uint8Array<ArrayBuffer>, stream: GenericTransformStream): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(stream as ReadableWritablePair<Uint8Array, BufferSource>);
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** The format is authenticated, too. */
const algorithm = (nonce: Uint8Array<ArrayBuffer>, format: number): AesGcmParams => ({
  name: "AES-GCM",
  iv: nonce,
  additionalData: new TextEncoder().encode(`${SEALED};${format}`),
});

interface SealedOptions {
  /** Sent as it is, and readable by the server. Without one, the snapshot is called *Encrypted*. */
  title?: string;
  description?: string;
  expiresAt?: string;
}

interface Sealed {
  /** Encrypts a text under a new key. Returns what the server gets, and the key for the fragment. */
  seal(text: string, mediaType: string | undefined): Promise<{ content: string; key: string }>;
  /** Decrypts a content. Rejects with a Problem `wrong_key` if the key, the link or the content is not whole. */
  unseal(content: string, key: string): Promise<{ text: string; mediaType: string | undefined }>;
  /** Shares a text under a link with a key. Rejects with a Problem. */
  share(text: string, mediaType: string | undefined, options: SealedOptions): Promise<{ id: string; key: string }>;
  /** Opens a link of `share`, encrypted or not. Opening it counts as a visit. Rejects with a Problem. */
  open(url: string): Promise<Shared>;
}

/** `Problem` is lent, so that this chunk has no second copy of it. */
export function createSealed(Problem: typeof ProblemClass, ask: Ask, newId: () => string): Sealed {
  const web = (): SubtleCrypto => {
    if (!globalThis.crypto?.subtle) throw new Problem("insecure_page", 0, "Encrypted links need a page on https.");
    return crypto.subtle;
  };

  async function seal(text: string, mediaType: string | undefined): Promise<{ content: string; key: string }> {
    const key = await web().generateKey(KEY, true, ["encrypt"]);
    const plain = new TextEncoder().encode(JSON.stringify({ mediaType, text }));
    const format = "CompressionStream" in globalThis ? GZIPPED : PLAIN;
    const packed = format === GZIPPED ? await through(plain, new CompressionStream("gzip")) : plain;
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const sealed = new Uint8Array(await web().encrypt(algorithm(nonce, format), key, packed));
    const content = new Uint8Array(1 + NONCE_BYTES + sealed.length);
    content.set([format]);
    content.set(nonce, 1);
    content.set(sealed, 1 + NONCE_BYTES);
    return { content: toBase64(content), key: toUrl(new Uint8Array(await web().exportKey("raw", key))) };
  }

  async function unseal(content: string, key: string): Promise<{ text: string; mediaType: string | undefined }> {
    const wrong = new Problem("wrong_key", 0, "The link is not complete, or the content is damaged: it cannot be decrypted.");
    const subtle = web();
    try {
      const bytes = fromBase64(content);
      const format = bytes[0] ?? 0;
      const nonce = bytes.slice(1, 1 + NONCE_BYTES);
      const raw = fromUrl(key);
      // base64 ignores the last bits, so another text can be the same key. Only the one text is the link.
      if (toUrl(raw) !== key || toBase64(bytes) !== content) throw wrong;
      const imported = await subtle.importKey("raw", raw, KEY, false, ["decrypt"]);
      const plain = await subtle.decrypt(algorithm(nonce, format), imported, bytes.slice(1 + NONCE_BYTES));
      const packed = new Uint8Array(plain);
      const unpacked = format === GZIPPED ? await through(packed, new DecompressionStream("gzip")) : packed;
      const { text, mediaType } = JSON.parse(new TextDecoder().decode(unpacked)) as { text: string; mediaType?: string };
      return { text, mediaType };
    } catch {
      throw wrong;
    }
  }

  async function share(
    text: string,
    mediaType: string | undefined,
    { title = "Encrypted", description, expiresAt }: SealedOptions,
  ): Promise<{ id: string; key: string }> {
    const { content, key } = await seal(text, mediaType);
    const body = { title, description: description ?? null, content, mediaType: SEALED, ...(expiresAt ? { expiresAt } : {}) };
    const id = await ask<string>("POST", "/snapshots", body, { "Idempotency-Key": newId() });
    return { id, key };
  }

  async function open(url: string): Promise<Shared> {
    const { pathname, hash } = new URL(url, location.href);
    const id = /\/snapshots\/([^/]+)$/.exec(pathname)?.[1];
    if (!id) throw new Problem("not_a_link", 0, "This is no link to a snapshot.");
    const { metadata, content } = await ask<SnapshotContent>("GET", `/snapshots/${id}`);
    const { title, createdAt, mediaType } = metadata;
    if (mediaType !== SEALED) return { id, text: content, title, mediaType: mediaType ?? undefined, createdAt };
    if (hash.length < 2) throw new Problem("wrong_key", 0, "The link has no key. Ask for the whole link, with what follows #.");
    return { id, title, createdAt, ...(await unseal(content, hash.slice(1))) };
  }

  return { seal, unseal, share, open };
}
