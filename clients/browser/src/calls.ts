/** Calls that an app waits for. */

import type { Headers } from "./http.js";
import type { Core } from "./late.js";

export type Ask = <T>(method: string, path: string, body?: object | string, headers?: Headers) => Promise<T>;

/** Returns the body of the response. Rejects with a Problem. A body that is a text is newline-delimited JSON. */
export const createAsk =
  ({ http, problemOf }: Core): Ask =>
  async (method, path, body, more) => {
    const isLines = typeof body === "string";
    const type = body && { "Content-Type": isLines ? "application/x-ndjson" : "application/json" };
    const headers = { ...type, ...more };
    const reply = await http.send({ method, path, headers, body: isLines ? body : body && JSON.stringify(body) });
    if (reply.status >= 200 && reply.status < 300) return reply.body;
    throw problemOf(reply);
  };
