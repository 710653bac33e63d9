/** Calls that an app waits for. */

import type { Headers } from "./http.js";
import type { Core } from "./late.js";

export type Ask = <T>(method: string, path: string, body?: object, headers?: Headers) => Promise<T>;

/** Returns the body of the response. Rejects with a Problem. */
export const createAsk =
  ({ http, problemOf }: Core): Ask =>
  async (method, path, body, more) => {
    const json = body && { "Content-Type": "application/json" };
    const headers = { ...json, ...more };
    const reply = await http.send({ method, path, headers, body: body && JSON.stringify(body) });
    if (reply.status >= 200 && reply.status < 300) return reply.body;
    throw problemOf(reply);
  };
