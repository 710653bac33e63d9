/** The import of an export: first a list of what is in it, then what became of each document. */

import type { Server } from "@savepoint/client";
import { bytes } from "@savepoint/client/elements";
import { partsOf, read, type Archive, type ArchivedDocument } from "./archive.js";
import { changed, element, make, notify, words } from "./page.js";
import { progressIn } from "./progress.js";

const SHOWN_MAX = 200;

type Mode = "copy" | "skip" | "replace";

const MODES: readonly [Mode, string][] = [
  ["copy", "Keep both: everything comes back as a new document"],
  ["skip", "Only what is missing: what is there already stays as it is"],
  ["replace", "Replace: what is there already gets a new version"],
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
    place.replaceChildren(make("p", { className: "trouble", textContent: `${file.name} cannot be read: ${words(error)}` }));
    return;
  }
  const { documents, others } = archive;
  if (!documents.length) {
    place.replaceChildren(make("p", { textContent: `${file.name} has no documents. Choose the file of an export.` }));
    return;
  }
  const boxes = documents.map((document) => make("input", { type: "checkbox", checked: true, ariaLabel: document.title }));
  const mode = make("select", { name: "mode" }, ...MODES.map(([value, text]) => make("option", { value, textContent: text })));
  const begin = make("button", { className: "main", textContent: "Import" });
  const cancel = make("button", { textContent: "Cancel" });
  cancel.addEventListener("click", () => place.replaceChildren());
  begin.addEventListener("click", () => {
    const chosen = documents.filter((_, index) => boxes[index]?.checked);
    void run(server, { ...archive, documents: chosen }, mode.value as Mode, place);
  });
  const besides = others ? ` ${others} other lines, such as snapshots and activity, are not imported.` : "";
  place.replaceChildren(
    make("h3", { textContent: `${file.name}: ${documents.length} ${documents.length === 1 ? "document" : "documents"}` }),
    make("p", { textContent: `Nothing is written yet.${besides}` }),
    make("label", {}, "If a document is there already ", mode),
    tableOf(
      ["Import", "Document", "Status", "Size", "Last changed"],
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
  const progress = progressIn(place, "Importing…");
  const cancel = make("button", { textContent: "Cancel" });
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
      progress.to(sent / total, `${sent} of ${total} lines are imported.`);
    }
    if (sent < total) trouble = `Cancelled: ${total - sent} of ${total} lines were not sent.`;
  } catch (error) {
    trouble = `The import stopped after ${sent} of ${total} lines: ${words(error)} The same file again goes on from there.`;
  }
  progress.end(
    ...(trouble ? [make("p", { className: "trouble", textContent: trouble })] : []),
    make("p", { textContent: summary(rows) }),
    tableOf(["Document", "Outcome", "Reason"], rows.map((row) => [row.document.title, row.outcome, row.detail])),
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
  `${count(rows, "imported")} documents imported, ${count(rows, "skipped")} skipped, ${count(rows, "refused")} refused.`;

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
  return rest > 0 ? make("div", {}, box, make("p", { className: "quiet", textContent: `and ${rest} more` })) : box;
}
