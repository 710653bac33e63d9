/** Makes the request of an attempt. The same attempt makes the same request, also after the page was loaded again. */

import type { Call, Headers } from "./http.js";
import type { State } from "./model.js";

/** Makes requests of a document smaller. It is loaded when the first one is opened. */
export interface Packing {
  /** Returns what to send instead of a text. Undefined if that is not smaller. */
  delta(from: string, to: string): { headers: Headers; body: Uint8Array<ArrayBuffer> } | undefined;
  pack(call: Call): Promise<Call>;
  /** Returns a call packed if it was packed before. */
  ready(call: Call): Call;
}

interface About {
  app: string;
  device: string | undefined;
}

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
  create: () => Packing | undefined,
): Requests {
  let packing: Packing | undefined;
  let made: { key: string; call: Call } | undefined;
  const tool = (): Packing | undefined => (packing ??= create());

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
        return json("PUT", `/sessions/${id}`, { ...a.rename, deviceInfo: device });
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
    const text = s.base?.etag === a.etag ? s.base.text : undefined;
    const delta = text === undefined ? undefined : tool()?.delta(text, a.text);
    // Repeats a delta, too: the server compares what arrives, not how.
    if (!delta) return json("PUT", `/sessions/${id}${query}`, { content: a.text, deviceInfo: device });
    return { method: "PATCH", path: content, headers: { ...headers, ...delta.headers }, body: delta.body };
  }

  const remember = (s: State, call: Call): Call => {
    made = { key: s.attempt!.key, call };
    return call;
  };
  const known = (s: State): Call | undefined => (made?.key === s.attempt!.key ? made.call : undefined);

  return {
    async prepare(s) {
      const call = plain(s);
      if (typeof call.body === "string") await tool()?.pack(call);
    },
    now(s) {
      const call = known(s) ?? plain(s);
      return remember(s, tool()?.ready(call) ?? call);
    },
    async packed(s) {
      const found = known(s);
      if (found) return found;
      const call = plain(s);
      return remember(s, (await tool()?.pack(call)) ?? call);
    },
  };
}
