/** The import of an export: first a list of what is in it, then what became of each document. */

import type { Server } from "@savepoint/client";
import { bytes } from "@savepoint/client/elements";
import { partsOf, read, type Archive, type ArchivedDocument } from "./archive.js";
import { say } from "./language.js";
import { changed, element, make, notify, words } from "./page.js";
import { progressIn } from "./progress.js";

const SHOWN_MAX = 200;
const DOCUMENTS = { one: "{count} document", other: "{count} documents" };

type Mode = "copy" | "skip" | "replace";

const modes = (): [Mode, string][] => [
  ["copy", say("Keep both: everything comes back as a new document")],
  ["skip", say("Only what is missing: what is there already stays as it is")],
  ["replace", say("Replace: what is there already gets a new version")],
];

interface Row {
  document: ArchivedDocument;
  outcome: "imported" | "skipped" | "refused";
  detail: string;
  id: string | null;
}

/** Shows what is in a file. Nothing is written until the person says so. */
export async function rehearse(server: Server, file: File, place: HTMLElement): Promise<void> {
  let archive: Archive;
  try {
    archive = await read(file);
  } catch (error) {
    place.replaceChildren(make("p", { className: "trouble", textContent: say("{file} cannot be read: {reason}", { file: file.name, reason: words(error) }) }));
    return;
  }
  const { documents, others } = archive;
  if (!documents.length) {
    place.replaceChildren(make("p", { textContent: say("{file} has no documents. Choose the file of an export.", { file: file.name }) }));
    return;
  }
  const boxes = documents.map((document) => make("input", { type: "checkbox", checked: true, ariaLabel: document.title }));
  const mode = make("select", { name: "mode" }, ...modes().map(([value, text]) => make("option", { value, textContent: text })));
  const begin = make("button", { className: "main", textContent: say("Import") });
  const cancel = make("button", { textContent: say("Cancel") });
  cancel.addEventListener("click", () => place.replaceChildren());
  begin.addEventListener("click", () => {
    const chosen = documents.filter((_, index) => boxes[index]?.checked);
    void run(server, { ...archive, documents: chosen }, mode.value as Mode, place);
  });
  const besides = others ? ` ${say("{count} other lines, such as snapshots and activity, are not imported.", { count: others })}` : "";
  place.replaceChildren(
    make("h3", { textContent: `${file.name}: ${say(DOCUMENTS, { count: documents.length })}` }),
    make("p", { textContent: say("Nothing is written yet.") + besides }),
    make("label", {}, `${say("If a document is there already")} `, mode),
    tableOf(
      ["Import", "Document", "Status", "Size", "Last changed"].map((head) => say(head)),
      documents.map(({ title, status, bytes: size, updatedAt }, index) => [
        boxes[index] ?? "",
        title,
        status,
        bytes(size),
        updatedAt ? element("savepoint-time", { at: updatedAt }) : "",
      ]),
    ),
    make("div", { className: "tools" }, begin, cancel),
  );
}

/** Imports documents in parts. Cancel stops before the next part. A repeat of the whole does no harm. */
async function run(server: Server, archive: Archive, mode: Mode, place: HTMLElement): Promise<void> {
  const total = archive.documents.reduce((sum, one) => sum + one.lines.length, 0);
  const progress = progressIn(place, say("Importing…"));
  const cancel = make("button", { textContent: say("Cancel") });
  let isCancelled = false;
  cancel.addEventListener("click", () => (isCancelled = true));
  place.append(make("div", {}, cancel));
  const rows: Row[] = [];
  let sent = 0;
  let trouble = "";
  try {
    for (const part of partsOf(archive.documents)) {
      if (isCancelled) break;
      const { lines } = await server.account.import(part.lines.join("\n"), { importId: archive.importId, mode });
      const outcomes = new Map(lines.map((one) => [one.line, one]));
      for (const { document, line } of part.documents) {
        const { outcome = "imported", detail = null, id = null } = outcomes.get(line) ?? {};
        rows.push({ document, outcome, detail: detail ?? "", id });
      }
      sent += part.lines.length;
      progress.to(sent / total, say("{sent} of {total} lines are imported.", { sent, total }));
    }
    if (sent < total) trouble = say("Cancelled: {left} of {total} lines were not sent.", { left: total - sent, total });
  } catch (error) {
    const reason = words(error);
    trouble = say("The import stopped after {sent} of {total} lines: {reason} The same file again goes on from there.", {
      ...{ sent, total, reason },
    });
  }
  progress.end(
    ...(trouble ? [make("p", { className: "trouble", textContent: trouble })] : []),
    make("p", { textContent: summary(rows) }),
    tableOf(
      ["Document", "Outcome", "Reason"].map((head) => say(head)),
      rows.map((row) => [row.document.title, say(row.outcome), row.detail]),
    ),
  );
  tell(server, rows, mode);
}

/** Says what was imported. Copies can be taken back as one: they go to the trash. */
function tell(server: Server, rows: readonly Row[], mode: Mode): void {
  changed();
  const ids = rows.flatMap(({ outcome, id }) => (outcome === "imported" && id ? [id] : []));
  const undo = async (): Promise<void> => {
    const problems = (await server.sessions.removeMany(ids)).flatMap(({ problem }) => problem?.detail ?? []);
    changed();
    if (problems.length) throw new Error(problems.join(" "));
  };
  notify(summary(rows), mode === "copy" && ids.length ? undo : undefined);
}

const count = (rows: readonly Row[], outcome: Row["outcome"]): number => rows.filter((row) => row.outcome === outcome).length;

const summary = (rows: readonly Row[]): string =>
  say("{imported} documents imported, {skipped} skipped, {refused} refused.", {
    ...{ imported: count(rows, "imported"), skipped: count(rows, "skipped"), refused: count(rows, "refused") },
  });

function tableOf(heads: readonly string[], rows: readonly (readonly (string | Node)[])[]): HTMLElement {
  const table = make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...heads.map((textContent) => make("th", { textContent, scope: "col" })))),
    make("tbody", {}, ...rows.slice(0, SHOWN_MAX).map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))))),
  );
  const rest = rows.length - SHOWN_MAX;
  const box = make("div", { className: "scrolls", tabIndex: 0 }, table);
  box.setAttribute("role", "region");
  box.ariaLabel = heads.join(", ");
  return rest > 0 ? make("div", {}, box, make("p", { className: "quiet", textContent: say("and {count} more", { count: rest }) })) : box;
}
