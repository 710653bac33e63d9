// A project that uses the package. It is compiled with --strict, so that every line also checks the types.

import { connect, Problem, type Claimed, type DocumentState, type OpenDocument, type Status } from "@savepoint/client";
import { useDocument } from "@savepoint/client/react";

const server = connect({
  baseUrl: "/api/persistence",
  app: "map",
  headers: async () => ({ Authorization: "Bearer token" }),
  deviceInfo: "Firefox on Linux",
  onSignedOut: () => undefined,
});

export async function open(id: string | undefined, view: { text: string }): Promise<OpenDocument> {
  const doc = await server.open({
    ...(id === undefined ? {} : { id }),
    title: "First",
    serialize: () => view.text,
    apply: (text, info) => {
      view.text = info.recovered ? `${text} (${info.schema ?? 1})` : text;
    },
    schema: 2,
    onConflict: "ask",
  });
  doc.changed();
  const state: DocumentState = await doc.save({ title: "First", description: "About" });
  if (state.conflict) await doc.resolve({ text: state.conflict.mine + state.conflict.theirs });
  const stop = doc.subscribe((now) => console.log(now.status, now.safe));
  stop();
  const [newest] = await doc.revisions();
  if (newest !== undefined) await doc.restore(newest.version);
  const { url } = await doc.share({ title: "June" });
  console.log(url.length);
  return doc;
}

export async function recover(): Promise<Claimed[]> {
  const claimed: Claimed[] = [];
  for (const entry of await server.recoverable()) {
    if (entry.current && entry.aside === undefined) claimed.push(await server.claim(entry));
  }
  return claimed;
}

export async function titles(): Promise<string[]> {
  try {
    return (await server.sessions.list({ page_size: 10, app: "map" })).items.map((each) => each.title);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return [];
    throw error;
  }
}

const WORDS: Partial<Record<Status, string>> = { clean: "Saved", dirty: "Unsaved changes" };

export function Light({ doc }: { doc: OpenDocument }) {
  const { status, safe } = useDocument(doc);
  return <output role="status">{safe === "nowhere" ? "Not kept anywhere yet" : (WORDS[status] ?? status)}</output>;
}

// None of this may compile. If an expected error is missing, the compiler reports that.

// @ts-expect-error  nothing to serialize
export const nothing = () => server.open({ apply: () => undefined });
// @ts-expect-error  an unknown choice
export const unsure = (doc: OpenDocument) => doc.resolve("both");
// @ts-expect-error  an unknown sort value
export const unsorted = () => server.sessions.list({ sort_by: "title" });
