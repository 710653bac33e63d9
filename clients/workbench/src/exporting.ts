/** The export of all that a person has, as one file. */

import type { Server } from "@savepoint/client";
import { say } from "./language.js";
import { make, words } from "./page.js";
import { progressIn } from "./progress.js";

export async function exportAll(server: Server, place: HTMLElement): Promise<void> {
  const shown = progressIn(place, say("Exporting…"));
  try {
    const { used } = await server.usage();
    const expected = Math.max(1, used.sessions + used.drafts + used.snapshots);
    const parts: string[] = [];
    let token: string | null = null;
    let done = 0;
    do {
      const page: string = await server.account.export(token ?? undefined);
      const lines = page.trimEnd().split("\n");
      token = (JSON.parse(lines.pop() ?? "{}") as { pageToken: string | null }).pageToken;
      done += lines.filter((line) => /^\{"kind": ?"(session|snapshot)"/.test(line)).length;
      parts.push(...lines.map((line) => `${line}\n`));
      shown.to(Math.min(1, done / expected), say("Exported {done} of {expected}…", { done: Math.min(done, expected), expected }));
    } while (token);
    parts.push('{"kind": "end", "pageToken": null}\n');
    const href = URL.createObjectURL(new Blob(parts, { type: "application/x-ndjson" }));
    const link = make("a", { href, download: "savepoint-export.ndjson", textContent: say("Save the file") });
    shown.end(make("p", {}, `${say("{count} lines are exported.", { count: parts.length - 1 })} `, link));
    link.click();
  } catch (error) {
    shown.end(make("p", { className: "trouble", textContent: say("The export did not work: {reason}", { reason: words(error) }) }));
  }
}
