import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf, createHttp, type Reply } from "../src/http.js";
import { meaningOf } from "../src/refusals.js";
import type { Form } from "../src/model.js";

function meaning(reply: Reply, form: Form = "content") {
  const r = answerOf(reply);
  return r.k === "more" || form === "restore" ? meaningOf({ answerOf }, reply, form) : r;
}
const problem = (status: number, type: string, more: object = {}) =>
  meaning({ status, body: { detail: "words", error: { type }, ...more } });
const META = { id: "doc", etag: '"2"', version: 2 };

test("each response says one thing about a document", () => {
  const said: [ReturnType<typeof answerOf>, object][] = [
    [answerOf({ status: 200, body: META }), { k: "ok", meta: META }],
    [answerOf({ status: 200, body: { metadata: META, content: "" } }), { k: "ok", meta: META }],
    [
      meaning({ status: 201, body: { ...META, conflict: { of: "x", current: null } } }),
      { k: "copied", of: null },
    ],
    [meaning({ status: 200, body: META }, "restore"), { k: "restored" }],
    [answerOf({ status: 304, body: null }), { k: "same" }],
    [answerOf({ status: 0, body: null }), { k: "lost" }],
    [answerOf({ status: 200, body: {} }), { k: "lost" }],
    [answerOf({ status: 401, body: null }), { k: "out" }],
    [problem(503, "store_unavailable", { retryAfter: 7 }), { k: "lost", after: 7 }],
    [problem(429, "throttled", { retryAfter: 2 }), { k: "lost", after: 2 }],
    [problem(507, "storage_exhausted"), { k: "lost" }],
    [problem(500, "internal"), { k: "lost" }],
    [problem(409, "contended"), { k: "lost" }],
    [problem(412, "changed", { current: { version: 5 } }), { k: "stale", version: 5 }],
    [problem(412, "base_gone"), { k: "again" }],
    [problem(413, "delta_too_large"), { k: "again" }],
    [problem(422, "invalid_delta"), { k: "again" }],
    [problem(422, "key_reused"), { k: "again" }],
    [problem(410, "gone"), { k: "gone" }],
    [problem(404, "not_found"), { k: "missing" }],
    [problem(409, "illegal_move", { sessionStatus: "closed" }), { k: "moved", status: "closed" }],
    [problem(413, "content_too_large", { size: 9, limit: 8 }), { k: "big", size: 9, limit: 8 }],
    [problem(429, "too_many", { used: 9, limit: 9 }), { k: "full", size: 9, limit: 9 }],
    [problem(507, "storage_full", { used: 9, limit: 9 }), { k: "full", size: 9, limit: 9 }],
    [problem(422, "invalid_request"), { k: "refused", error: "words" }],
    [problem(403, "forbidden_origin"), { k: "refused", error: "words" }],
  ];
  for (const [answer, expected] of said) assert.partialDeepStrictEqual?.(answer, expected);
  for (const [answer, expected] of said) {
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(answer[name as "k"], value);
  }
});

/** A line on which responses come when they are released. */
function line(response: () => Response) {
  const sent: { url: string; keepalive: boolean; headers: Record<string, string>; release: () => void }[] =
    [];
  const own = (url: unknown, init: RequestInit = {}) =>
    new Promise<Response>((done) => {
      const { keepalive = false, headers } = init;
      const release = () => done(response());
      sent.push({ url: String(url), keepalive, headers: headers as Record<string, string>, release });
    });
  return { sent, fetch: own as typeof fetch };
}

const json = () => new Response("{}", { headers: { "Content-Type": "application/json" } });

test("no more than 60 KiB are sent to outlive the page, of all documents together", async () => {
  const { sent, fetch } = line(json);
  const http = createHttp({ baseUrl: "", fetch });
  const put = (bytes: number) => http.send({ method: "PUT", path: "/x", body: new Uint8Array(bytes) }, {});
  const all = [put(40_000), put(21_440), put(1), put(0)];
  assert.deepEqual(
    sent.map(({ keepalive }) => keepalive),
    [true, true, false, true],
  );
  sent.forEach(({ release }) => release());
  await Promise.all(all);
  const last = put(61_440);
  assert.equal(sent.at(-1)!.keepalive, true);
  sent.at(-1)!.release();
  await last;
});

test("bytes are counted, not characters", async () => {
  const { sent, fetch } = line(json);
  const done = createHttp({ baseUrl: "", fetch }).send(
    { method: "PUT", path: "/", body: "ä".repeat(31_000) },
    true,
  );
  assert.equal(sent[0]!.keepalive, false);
  sent[0]!.release();
  await done;
});

test("a page of a portal is no answer, and one of a platform about signing in is one", async () => {
  const page = (status: number) => () =>
    new Response("<p>", { status, headers: { "Content-Type": "text/html" } });
  for (const [status, expected] of [
    [200, 0],
    [503, 0],
    [401, 401],
  ] as const) {
    const { sent, fetch } = line(page(status));
    const done = createHttp({ baseUrl: "", fetch }).send({ method: "GET", path: "/" }, {});
    sent[0]!.release();
    assert.equal((await done).status, expected);
  }
});

test("a response without a body is one, whatever its type", async () => {
  for (const status of [204, 304]) {
    const { sent, fetch } = line(
      () => new Response(null, { status, headers: { "Content-Type": "application/json" } }),
    );
    const done = createHttp({ baseUrl: "", fetch }).send({ method: "DELETE", path: "/" }, {});
    sent[0]!.release();
    assert.equal((await done).status, status);
  }
});

test("a closing page sends in the same task, with the headers of the last call", async () => {
  let count = 0;
  const { sent, fetch } = line(json);
  const http = createHttp({
    baseUrl: "/api",
    fetch,
    headers: async () => ({ Authorization: `token ${++count}` }),
  });
  const first = http.send({ method: "GET", path: "/me" });
  assert.equal(sent.length, 0);
  await new Promise((done) => setTimeout(done));
  const last = http.send({ method: "PUT", path: "/x" }, http.last());
  assert.deepEqual(
    sent.map(({ headers }) => headers["Authorization"]),
    ["token 1", "token 1"],
  );
  sent.forEach(({ release }) => release());
  await Promise.all([first, last]);
});
