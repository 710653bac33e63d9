/** Requests to the server. Nothing here retries. */

import type { Answer, Meta } from "./model.js";

export type Headers = Record<string, string>;

export interface Call {
  method: string;
  path: string;
  headers?: Headers | undefined;
  body?: Blob | Uint8Array<ArrayBuffer> | string | undefined;
}

/** `status` is 0 if nobody knows whether the server did it: no answer, or not one of ours. */
export interface Reply {
  status: number;
  body: any;
  /** The app's headers of the request: they may say who asked. */
  as?: object;
}

export interface Http {
  /** Asks the app for its headers: for a page that is closing and cannot wait for them. Returns them. */
  renew(): Promise<object>;
  /** The headers that the app had last. */
  last(): object;
  /** Never rejects. With `as`, which are the app's headers, sends in this very task. */
  send(call: Call, as?: object): Promise<Reply>;
}

interface HttpOptions {
  baseUrl: string;
  headers?: object | (() => Promise<object>) | undefined;
  fetch?: typeof fetch | undefined;
}

/** A request was refused, or did not arrive: then `type` is `offline`. */
export class Problem extends Error {
  /** The stable name of what is wrong, as in the API description, and the HTTP status. */
  declare readonly type: string;
  declare readonly status: number;
  /** The whole problem, if the server sent one. */
  declare readonly body: any;

  constructor(type: string, status: number, message: string, body?: any) {
    super(message);
    Object.assign(this, { name: "Problem", type, status, body });
  }
}

export const problemOf = ({ status, body }: Reply): Problem =>
  new Problem(body?.error?.type ?? "offline", status, body?.detail ?? "No response.", body);

const KEEPALIVE_BYTES = 60 * 1024;
const LIMIT_MS = 120_000;

/** Bytes of requests in flight that outlive the page. Browsers refuse more than 64 KiB of all documents together. */
let flying = 0;

export function createHttp({ baseUrl, headers, fetch: own }: HttpOptions): Http {
  let last: object = typeof headers === "object" ? headers : {};

  async function renew(): Promise<object> {
    if (typeof headers === "function") last = await headers();
    return last;
  }

  async function send(call: Call, as?: object): Promise<Reply> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), LIMIT_MS);
    const bytes = new Blob([call.body ?? ""]).size;
    const keepalive = call.method !== "GET" && flying + bytes <= KEEPALIVE_BYTES;
    try {
      as ??= await renew();
      if (keepalive) flying += bytes;
      try {
        const response = await (own ?? fetch)(baseUrl + call.path, {
          method: call.method,
          headers: { ...as, ...call.headers },
          body: call.body ?? null,
          cache: "no-store",
          keepalive,
          signal: stop.signal,
        });
        return { ...(await read(response)), as };
      } finally {
        if (keepalive) flying -= bytes;
      }
    } catch {
      return { status: 0, body: null };
    } finally {
      clearTimeout(timer);
    }
  }

  return { renew, send, last: () => last };
}

/** A page of a portal or of a proxy is no answer, whatever its status. */
async function read(response: Response): Promise<Reply> {
  const { status } = response;
  const [type] = /^application\/(problem\+|x-nd)?json/.exec(response.headers.get("Content-Type") ?? "") ?? [];
  const isEmpty = status === 204 || status === 304;
  if (type && !isEmpty) return { status, body: await response[type.includes("x-nd") ? "text" : "json"]() };
  // Platforms that check who is signed in have pages of their own for it.
  return { status: isEmpty || status === 401 ? status : 0, body: null };
}

const meta = (body: any): Meta | undefined => {
  const found = body?.metadata ?? body;
  return found?.etag && found.version ? found : undefined;
};

/** Returns what a reply says about a document. `more`: what the late chunk knows. */
export function answerOf({ status, body }: Reply): Answer {
  const type: string | undefined = body?.error?.type;
  if (status === 304) return { k: "same" };
  if (status >= 200 && status < 300) {
    const found = meta(body);
    if (!found) return { k: "lost" };
    return body.conflict ? { k: "more" } : { k: "ok", meta: found };
  }
  if (status === 401) return { k: "out" };
  if (!type) return { k: "lost" };
  // too_many, storage_full, base_gone, maintenance
  if (/_many$|_full|_gone|nance/.test(type)) return { k: "more" };
  if (status > 499 || status === 408 || status === 429 || type === "contended") {
    return { k: "lost", after: body.retryAfter };
  }
  if (status === 412) return { k: "stale", version: body.current?.version ?? 0 };
  if (type === "not_found") return { k: "missing" };
  return { k: status === 410 ? "gone" : "more" };
}
