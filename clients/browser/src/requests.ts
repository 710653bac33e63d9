/** Makes the request of an attempt. The same attempt makes the same request, also after the page was loaded again. */

import { size, type Call, type Headers } from "./http.js";
import type { Attempt, Base, State } from "./model.js";

/** The encoder of deltas, which is loaded when a document is opened. */
export interface Encoder {
  delta(from: Uint8Array, to: Uint8Array): Uint8Array<ArrayBuffer>;
  sha256(bytes: Uint8Array): string;
}

export interface About {
  app: string;
  device: string | undefined;
}

const GZIP_FROM_BYTES = 1024;

export interface Requests {
  /** Packs a request ahead, for a page that is closed before the next one. */
  prepare(state: State): Promise<void>;
  /** Returns the request at once, packed only if it was prepared. */
  now(state: State): Call;
  packed(state: State): Promise<Call>;
}

export function createRequests(
  shared: About,
  mediaType: string | undefined,
  encoder: () => Encoder | undefined,
): Requests {
  let ready: { source: string; blob: Blob } | undefined;
  let known: { text: string; bytes: Uint8Array }[] = [];
  let made: { key: string; call: Call } | undefined;

  /** The bytes of the acknowledged text, and of the one that is sent. */
  function bytesOf(text: string): Uint8Array {
    const found = known.find((one) => one.text === text) ?? { text, bytes: new TextEncoder().encode(text) };
    known = [found, ...known.filter((one) => one !== found)].slice(0, 2);
    return found.bytes;
  }

  function plain(s: State): Call {
    const a = s.attempt!;
    const { app, device } = shared;
    const id = encodeURIComponent(a.id ?? s.id);
    const query = `?autosave=${a.auto}${a.copy ? "&on_conflict=copy" : ""}`;
    const headers: Headers = { "Idempotency-Key": a.key, ...(a.etag ? { "If-Match": a.etag } : {}) };
    const json = (method: string, path: string, body?: object): Call => ({
      method,
      path,
      headers: body ? { ...headers, "Content-Type": "application/json" } : headers,
      body: body && JSON.stringify(body),
    });
    const about = { deviceInfo: device, title: s.title || undefined, ...a.rename };
    switch (a.form) {
      case "title":
        return json("PATCH", `/sessions/${id}`, a.rename!);
      case "promote":
        return json("POST", `/drafts/${id}/promote`);
      case "restore":
        return json("POST", `/sessions/${id}/revisions/${a.version}/restore`);
      case "create":
      case "copy":
        headers["If-None-Match"] = "*";
        if (a.form === "copy") about.title = `${s.title.slice(0, 240)} (copy)`;
        return json("PUT", `/drafts/${id}${query}`, { content: a.text, ...about, app, mediaType });
    }
    if (device) headers["Savepoint-Device"] = encodeURIComponent(device);
    const content = `/sessions/${id}/content${query}`;
    if (a.whole) {
      headers["Content-Type"] = mediaType ?? "text/plain";
      return { method: "PUT", path: content, headers, body: a.text };
    }
    const delta = deltaOf(a, s.base);
    // Repeats a delta, too: the server compares what arrives, not how.
    if (!delta) return json("PUT", `/sessions/${id}${query}`, { content: a.text, deviceInfo: device });
    headers["Content-Type"] = "application/x-fossil-delta";
    headers["Patched-Digest"] = `sha-256=:${delta.digest}:`;
    return { method: "PATCH", path: content, headers, body: delta.body };
  }

  function deltaOf(a: Attempt, base: Base | null) {
    const tool = encoder();
    if (!tool || base?.text === undefined || base.etag !== a.etag) return;
    const to = bytesOf(a.text);
    const body = tool.delta(bytesOf(base.text), to);
    return body.length < to.length ? { body, digest: tool.sha256(to) } : undefined;
  }

  async function pack(call: Call): Promise<Call> {
    if (!("CompressionStream" in globalThis) || size(call.body) < GZIP_FROM_BYTES) return call;
    const { body } = call;
    let blob = ready && ready.source === body ? ready.blob : undefined;
    if (!blob) {
      const stream = new Blob([body!]).stream().pipeThrough(new CompressionStream("gzip"));
      blob = await new Response(stream).blob();
      if (typeof body === "string") ready = { source: body, blob };
    }
    return { ...call, headers: { ...call.headers, "Content-Encoding": "gzip" }, body: blob };
  }

  const remember = (key: string, call: Call): Call => {
    made = { key, call };
    return call;
  };

  return {
    async prepare(s) {
      const call = plain(s);
      if (typeof call.body === "string") await pack(call);
    },
    now(s) {
      const { key } = s.attempt!;
      if (made?.key === key) return made.call;
      const call = plain(s);
      const blob = ready && ready.source === call.body ? ready.blob : undefined;
      return remember(
        key,
        blob ? { ...call, headers: { ...call.headers, "Content-Encoding": "gzip" }, body: blob } : call,
      );
    },
    async packed(s) {
      const { key } = s.attempt!;
      return made?.key === key ? made.call : remember(key, await pack(plain(s)));
    },
  };
}
