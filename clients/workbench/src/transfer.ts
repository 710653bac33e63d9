/** Import, export and erase: all that a person has, as a whole. */

import type { Server } from "@savepoint/client";
import { erasing } from "./erasing.js";
import { exportAll } from "./exporting.js";
import { rehearse } from "./importing.js";
import { say } from "./language.js";
import { make, onClick } from "./page.js";
import { fill, nothing, type Shown } from "./shown.js";

export async function showTransfer(server: Server, back: string): Promise<Shown> {
  const progress = (): HTMLElement => {
    const made = make("div", { className: "stack" });
    made.setAttribute("role", "status");
    return made;
  };
  const [ofExport, ofImport] = [progress(), progress()];
  const chosen = make("input", { type: "file", accept: ".ndjson,.jsonl,application/x-ndjson" });
  chosen.addEventListener("change", () => {
    const [file] = chosen.files ?? [];
    if (file) void rehearse(server, file, ofImport);
    chosen.value = ""; // the same file can be chosen again
  });
  const exporting = make("button", { textContent: say("Export everything"), className: "main" });
  onClick(exporting, () => exportAll(server, ofExport));
  const section = (heading: string, text: string, ...within: Node[]): HTMLElement =>
    make(
      "section",
      { className: "card stack" },
      make("h3", { textContent: say(heading) }),
      make("p", { textContent: say(text) }),
      ...within,
    );
  fill(
    make("a", { className: "back", href: back, textContent: say("Back to the list") }),
    make("h2", { textContent: say("Import, export, erase") }),
    section(
      "Export",
      "One file with all sessions and drafts, their history, snapshots and activity.",
      make("div", {}, exporting),
      ofExport,
    ),
    section(
      "Import",
      "Choose the file of an export, or drop it anywhere on this page. You see what is in it before anything is written.",
      make("label", {}, `${say("File of an export")} `, chosen),
      ofImport,
    ),
    erasing(server),
  );
  document.title = `${say("Import, export, erase")} – Savepoint`;
  return nothing;
}
