import assert from "node:assert/strict";
import { test } from "node:test";
import { createPacking } from "../src/delta.js";
import { start } from "../src/machine.js";
import type { Attempt, State } from "../src/model.js";
import { createRequests } from "../src/requests.js";
import { CONFIG } from "./world.js";

const BASE = { etag: '"1"', version: 1, title: "Plan", at: "", device: null, text: "before ".repeat(100) };
const ABOUT = { app: "notes", device: "Firefox on Ünix" };
const make = (isLoaded = true) =>
  createRequests(ABOUT, "text/markdown", () => (isLoaded ? createPacking() : undefined));

function doc(change: Partial<Attempt>, known: Partial<State> = {}): State {
  const attempt: Attempt = {
    key: "key",
    form: "content",
    etag: '"1"',
    edits: 1,
    text: BASE.text + "after",
    rename: null,
    auto: true,
    copy: false,
    whole: false,
    at: 1,
    ...change,
  };
  return start("doc", "seed", CONFIG, { base: BASE, title: "Plan", attempt, ...known });
}

test("an edit is sent as a delta with what it makes", () => {
  const { method, path, headers, body } = make().now(doc({}));
  assert.equal(`${method} ${path}`, "PATCH /sessions/doc/content?autosave=true");
  assert.equal(headers!["If-Match"], '"1"');
  assert.equal(headers!["Idempotency-Key"], "key");
  assert.equal(headers!["Savepoint-Device"], "Firefox%20on%20%C3%9Cnix");
  assert.match(headers!["Patched-Digest"]!, /^sha-256=:.{44}:$/);
  assert.ok((body as Uint8Array).length < 40);
});

test("a closing page asks for a copy", () => {
  assert.match(make().now(doc({ copy: true })).path, /on_conflict=copy$/);
});

test("without what packs, the content is sent whole, with its media type", async () => {
  const { method, headers, body } = await make(false).packed(doc({ whole: true }));
  assert.equal(method, "PUT");
  assert.equal(headers!["Content-Type"], "text/markdown");
  assert.equal(headers!["Content-Encoding"], undefined);
  assert.equal(body, BASE.text + "after");
});

test("a large content is gzipped, as a body of known length", async () => {
  const text = "a long text ".repeat(1000);
  const { headers, body } = await make().packed(doc({ whole: true, text }));
  assert.equal(headers!["Content-Encoding"], "gzip");
  const stream = (body as Blob).stream().pipeThrough(new DecompressionStream("gzip"));
  assert.equal(await new Response(stream).text(), text);
});

test("a request that was packed ahead is sent packed by a closing page", async () => {
  const requests = make();
  const state = doc({ whole: true, text: "a long text ".repeat(1000) });
  await requests.prepare(state);
  assert.equal(requests.now(state).headers!["Content-Encoding"], "gzip");
});

test("a repetition is the same request", async () => {
  const requests = make();
  const first = requests.now(doc({}));
  assert.equal(await requests.packed(doc({})), first);
});

test("a delta is repeated whole if what it was made from is unknown", () => {
  const { method, path, body } = make().now(doc({}, { base: { ...BASE, text: undefined } }));
  assert.equal(`${method} ${path}`, "PUT /sessions/doc?autosave=true");
  assert.deepEqual(JSON.parse(body as string), { content: BASE.text + "after", deviceInfo: ABOUT.device });
});

test("a draft is created under its own id, once", () => {
  const { method, path, headers, body } = make().now(doc({ form: "create", etag: null }, { base: null }));
  assert.equal(`${method} ${path}`, "PUT /drafts/doc?autosave=true");
  assert.equal(headers!["If-None-Match"], "*");
  assert.equal(headers!["If-Match"], undefined);
  const sent = JSON.parse(body as string);
  assert.deepEqual([sent.title, sent.app, sent.mediaType], ["Plan", "notes", "text/markdown"]);
});

test("a copy is a draft with a title of its own", () => {
  const { path, body } = make().now(doc({ form: "copy", etag: null, id: "copy-of-this" }));
  assert.equal(path, "/drafts/copy-of-this?autosave=true");
  assert.equal(JSON.parse(body as string).title, "Plan (copy)");
});
