/** Calls that an app waits for. */

import type { Headers, Http, Reply } from "./http.js";

/** A request was refused, or did not arrive: then `type` is `offline`. */
export class Problem extends Error {
  constructor(
    readonly type: string,
    readonly status: number,
    message: string,
    readonly body: any,
  ) {
    super(message);
  }
}

export const problemOf = ({ status, body }: Reply): Problem =>
  new Problem(body?.error?.type ?? "offline", status, body?.detail ?? "The server did not respond.", body);

export type Ask = <T>(method: string, path: string, body?: object, headers?: Headers) => Promise<T>;

/** Returns the body of the response. Rejects with a Problem. */
export const createAsk =
  ({ send }: Http): Ask =>
  async (method, path, body, more) => {
    const json = body && { "Content-Type": "application/json" };
    const headers = { ...json, ...more };
    const reply = await send({ method, path, headers, body: body && JSON.stringify(body) });
    if (reply.status >= 200 && reply.status < 300) return reply.body;
    throw problemOf(reply);
  };
