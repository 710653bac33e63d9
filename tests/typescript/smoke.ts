// An app that uses the generated client: it creates, reads, saves, lists and shares, and meets a conflict.
// Compiled with --strict, so that every line also checks the types.

import {
  createSession,
  createSnapshot,
  getSession,
  getSessionContent,
  getSessionMetadata,
  getSessionsMetadata,
  getSnapshot,
  getSnapshotAccessLogs,
  putDraft,
  updateSession,
} from "./client";
import { client } from "./client/client.gen";
import type { NewSnapshot, Problem, SessionMetadata } from "./client";

declare const process: { argv: string[]; exitCode: number };

function same<T>(found: T, expected: T, what: string): void {
  if (found !== expected) throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
}

// void: a response may have no body, as with `Prefer: return=minimal`.
function there<T>(value: T | void | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`${what} is missing`);
  return value;
}

async function main(baseUrl: string): Promise<void> {
  client.setConfig({ baseUrl, headers: { "X-User-Id": "ann" } });

  const made = await createSession({ body: { title: "Wells", description: null, content: "one" } });
  same(made.response?.status, 201, "status of createSession");
  const id = made.data;
  if (typeof id !== "string") throw new Error("without a preference the response is the id");
  const path = { session_id: id };

  const whole = await createSession({
    body: { title: "Faults", description: "deep", content: "two" },
    headers: { Prefer: "return=representation" },
  });
  if (typeof whole.data !== "object") throw new Error("a representation was preferred");
  same(whole.data.metadata.title, "Faults", "title");

  const session = there((await getSession({ path })).data, "the session");
  same(session.content, "one", "content");
  const before: SessionMetadata = session.metadata;
  same(before.status, "active", "status");

  const saved = await updateSession({ path, body: { content: "two" }, headers: { "If-Match": before.etag } });
  same(there(saved.data, "the saved session").metadata.version, 2, "version");

  // The same ETag again is stale now.
  const stale = await updateSession({ path, body: { content: "three" }, headers: { "If-Match": before.etag } });
  same(stale.response?.status, 412, "status of a stale save");
  const problem: Problem = there(stale.error, "the problem");
  if (problem.type !== "urn:savepoint:problem:changed") throw new Error(problem.type);
  same(there(problem.current, "what is current").version, 2, "current version");
  same(problem.error.type, "changed", "name of the problem");

  const invalid = await updateSession({ path, body: { title: "" } });
  same(there(there(invalid.error, "the problem").errors, "the faults")[0]?.pointer, "#/title", "pointer");

  const list = there(
    (await getSessionsMetadata({ query: { page_size: 1, sort_by: "metadata.title", status: ["active", "closed"] } })).data,
    "the list",
  );
  same(list.items[0]?.title, "Wells", "title of the first");
  const next = await getSessionsMetadata({
    query: { page_size: 1, sort_by: "metadata.title", status: ["active", "closed"], cursor: there(list.pageToken, "a token") },
  });
  same(next.data?.items[0]?.title, "Faults", "title of the second");

  const polled = await getSessionMetadata({
    path,
    headers: { "If-None-Match": there(saved.data, "the saved session").metadata.etag },
  });
  same(polled.response?.status, 304, "status of a poll");

  const snapshot = await createSnapshot({ body: { sessionId: id, title: "June" } });
  if (typeof snapshot.data !== "string") throw new Error("without a preference the response is the id");
  same((await getSnapshot({ path: { snapshot_id: snapshot.data } })).data?.content, "two", "frozen content");
  same((await getSnapshotAccessLogs()).data?.items[0]?.snapshotMetadata.title, "June", "title in the log");

  const draft = await putDraft({ path: { draft_id: "madeByClient" }, body: { content: "three" } });
  same(draft.response?.status, 201, "status of a new draft");
  same(draft.data?.title, "Untitled", "title of a draft");

  same(String((await getSessionContent({ path, parseAs: "text" })).data), "two", "content by itself");
}

// None of this may compile. If an expected error is missing, the compiler reports that.

// @ts-expect-error  neither content nor a session
export const nothing: NewSnapshot = { title: "June" };
// @ts-expect-error  both
export const both: NewSnapshot = { title: "June", content: "x", sessionId: "x" };
// @ts-expect-error  a misspelt member
export const misspelt = () => createSession({ body: { title: "x", descripton: null, content: "x" } });
// @ts-expect-error  an unknown sort value
export const unsorted = () => getSessionsMetadata({ query: { sort_by: "title" } });
// @ts-expect-error  a path without its id
export const nowhere = () => getSession({});

main(process.argv[2] ?? "").then(
  () => console.log("done"),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
