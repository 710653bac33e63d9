/** A snapshot that somebody shared: read-only, with a way to go on with a copy. It touches no work of the visitor. */

import type { Server } from "@savepoint/client";
import { say } from "./language.js";
import { element, make, notify, onClick, words } from "./page.js";
import { fill, nothing, type Shown } from "./shown.js";

/** Shows a snapshot, decrypted if it has a key. Opening it counts as a visit. Rejects with a Problem. */
export async function showSnapshot(
  server: Server,
  { id, key = "" }: { id: string; key?: string },
  back: string,
  isCurrent: () => boolean,
): Promise<Shown> {
  const [{ Editor }, { title = "", text, createdAt }] = await Promise.all([
    import("./editor.js"),
    server.openShared(`/snapshots/${encodeURIComponent(id)}#${key}`),
  ]);
  if (!isCurrent()) return nothing;
  const editor = new Editor();
  const copy = make("button", { textContent: say("Make a copy"), className: "main" });
  onClick(copy, () => makeCopy(server, title, text));
  fill(
    make("a", { className: "back", href: back, textContent: say("Back to the list") }),
    make("h2", { textContent: title }),
    make(
      "div",
      { className: "tools banner" },
      make("span", { className: "spread" }, `${say("A copy of")} `, element("savepoint-time", { at: createdAt }), `. ${say("It never changes.")}`),
      copy,
    ),
    editor,
  );
  editor.show(text, { label: say("Content of the snapshot"), readOnly: true });
  document.title = `${title} – Savepoint`;
  return nothing;
}

async function makeCopy(server: Server, title: string, content: string): Promise<void> {
  try {
    const copy = say("{title} (copy)", { title });
    const doc = await server.open({ title: copy, serialize: () => content, apply: () => undefined });
    doc.changed();
    const state = await doc.save({ title: copy, description: say("A copy of the snapshot “{title}”.", { title }) });
    await doc.close();
    if (state.dirty) throw new Error(say("It is kept on this device, and not yet on the server."));
    location.hash = `#/session/${state.id}`;
  } catch (error) {
    notify(say("The copy could not be saved: {reason}", { reason: words(error) }));
  }
}
