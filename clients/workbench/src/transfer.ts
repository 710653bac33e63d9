/** Import, export and erase: all that a person has, as a whole. */

import type { Server } from "@savepoint/client";
import { find, make, notify, words } from "./page.js";
import { fill, nothing, type Shown } from "./shown.js";

/** The most bytes and lines in one request of an import. The server accepts a little more. */
const BYTES_MAX = 6_000_000;
const LINES_MAX = 1_000;
const SHOWN_MAX = 200;

export async function showTransfer(server: Server): Promise<Shown> {
  const progress = make("div", { className: "stack" });
  progress.setAttribute("role", "status");
  const chosen = make("input", { type: "file", accept: ".ndjson,.jsonl,application/x-ndjson" });
  chosen.addEventListener("change", () => {
    const [file] = chosen.files ?? [];
    if (file) void importFile(server, file, progress);
  });
  const exporting = make("button", { textContent: "Export everything", className: "main" });
  exporting.addEventListener("click", () => void exportAll(server, progress));
  fill(
    make("h1", { textContent: "Import, export, erase" }),
    make(
      "section",
      { className: "card stack" },
      make("h2", { textContent: "Export" }),
      make("p", { textContent: "One file with all sessions, drafts, their history, snapshots and activity." }),
      make("div", {}, exporting),
    ),
    make(
      "section",
      { className: "card stack" },
      make("h2", { textContent: "Import" }),
      make("p", {
        textContent: "Sessions and drafts of an export come back as new documents, with their history. Nothing is replaced.",
      }),
      make("label", {}, "File of an export ", chosen),
    ),
    progress,
    erasing(server),
  );
  document.title = "Import, export, erase – Savepoint";
  return nothing;
}

function bar(place: HTMLElement, label: string): { to(share: number, words: string): void; end(...what: Node[]): void } {
  const line = make("p", { textContent: label });
  const progress = make("progress", { max: 1, value: 0, ariaLabel: label });
  place.replaceChildren(line, progress);
  return {
    to(share, words) {
      progress.value = share;
      line.textContent = words;
    },
    end: (...what) => place.replaceChildren(...what),
  };
}

async function exportAll(server: Server, place: HTMLElement): Promise<void> {
  const shown = bar(place, "Exporting…");
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
      shown.to(Math.min(1, done / expected), `Exported ${Math.min(done, expected)} of ${expected}…`);
    } while (token);
    parts.push('{"kind": "end", "pageToken": null}\n');
    const href = URL.createObjectURL(new Blob(parts, { type: "application/x-ndjson" }));
    const link = make("a", { href, download: "savepoint-export.ndjson", textContent: "Save the file" });
    shown.end(make("p", {}, `${parts.length - 1} lines are exported. `, link));
    link.click();
  } catch (error) {
    shown.end(make("p", { className: "trouble", textContent: `The export did not work: ${words(error)}` }));
  }
}

interface Row {
  title: string;
  outcome: string;
  detail: string;
}

/** Imports a file in parts. A repeat of the whole does no harm: the id of the import follows from the file. */
export async function importFile(server: Server, file: File, place: HTMLElement): Promise<void> {
  const shown = bar(place, `Importing ${file.name}…`);
  const rows: Row[] = [];
  let stopped = false;
  const cancel = make("button", { textContent: "Cancel" });
  cancel.addEventListener("click", () => (stopped = true));
  place.append(make("div", {}, cancel));
  try {
    const text = await file.text();
    const importId = await idOf(text);
    const lines = text.split("\n").filter((line) => line.trim() && !/^\{"kind": ?"(end|activity)"/.test(line));
    const titles = titlesOf(lines);
    let done = 0;
    for (const part of partsOf(lines)) {
      if (stopped) break;
      const { lines: outcomes } = await server.account.import(part.join("\n"), { importId });
      for (const { line, outcome, detail } of outcomes) {
        const title = titles.get(done + line - 1);
        if (title !== undefined) rows.push({ title, outcome, detail: detail ?? "" });
      }
      done += part.length;
      shown.to(done / lines.length, `${done} of ${lines.length} lines are done.`);
    }
    const rest = stopped ? ` Cancelled: ${lines.length - done} lines were not sent.` : "";
    shown.end(make("p", { textContent: `${summary(rows)}${rest}` }), tableOf(rows));
    notify(`${file.name}: ${summary(rows)}`);
    document.dispatchEvent(new CustomEvent("savepoint-imported"));
  } catch (error) {
    shown.end(
      make("p", { className: "trouble", textContent: `The import stopped: ${words(error)}` }),
      make("p", { textContent: `${summary(rows)} Importing the same file again goes on without doubling anything.` }),
      tableOf(rows),
    );
  }
}

const count = (rows: readonly Row[], outcome: string): number => rows.filter((row) => row.outcome === outcome).length;

const summary = (rows: readonly Row[]): string =>
  `${count(rows, "imported")} documents imported, ${count(rows, "skipped")} skipped, ${count(rows, "refused")} refused.`;

async function idOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const digest = crypto.subtle
    ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
    : crypto.getRandomValues(new Uint8Array(9));
  return btoa(String.fromCharCode(...digest.subarray(0, 9)))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

/** Returns the titles of sessions, by the place of their lines. */
function titlesOf(lines: readonly string[]): Map<number, string> {
  const found = new Map<number, string>();
  lines.forEach((line, index) => {
    if (!/^\{"kind": ?"session"/.test(line)) return;
    try {
      found.set(index, (JSON.parse(line) as { metadata?: { title?: string } }).metadata?.title ?? "Untitled");
    } catch {
      found.set(index, `Line ${index + 1}`);
    }
  });
  return found;
}

/** Cuts lines into parts that one request can carry. A session stays with its history, if one request can carry it. */
function* partsOf(lines: readonly string[]): Generator<string[]> {
  const encoder = new TextEncoder();
  const sizes = lines.map((line) => encoder.encode(line).length + 1);
  const starts = new Set(lines.flatMap((line, index) => (/^\{"kind": ?"session"/.test(line) ? [index] : [])));
  let from = 0;
  while (from < lines.length) {
    let size = 0;
    let end = from;
    while (end < lines.length && end - from < LINES_MAX && (size += sizes[end] ?? 0) <= BYTES_MAX) end++;
    end = Math.max(end, from + 1);
    let cut = end;
    while (cut < lines.length && cut > from && !starts.has(cut)) cut--;
    yield lines.slice(from, cut > from ? cut : end);
    from = cut > from ? cut : end;
  }
}

function tableOf(rows: readonly Row[]): HTMLElement {
  const row = (...cells: string[]): HTMLElement => make("tr", {}, ...cells.map((text) => make("td", { textContent: text })));
  const heads = ["Document", "Outcome", "Reason"].map((textContent) => make("th", { textContent, scope: "col" }));
  const table = make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...rows.slice(0, SHOWN_MAX).map(({ title, outcome, detail }) => row(title, outcome, detail))),
  );
  return rows.length ? table : make("p", { textContent: "There was no document in it." });
}

function erasing(server: Server): HTMLElement {
  const typed = make("input", { name: "confirm", autocomplete: "off" });
  const erase = make("button", { textContent: "Erase everything", className: "danger", disabled: true });
  const status = make("p", {});
  status.setAttribute("role", "status");
  const place = make("section", { className: "card stack" }, make("h2", { textContent: "Erase" }));
  server.account.me().then(
    ({ ownerId }) => {
      typed.addEventListener("input", () => (erase.disabled = typed.value !== ownerId));
      erase.addEventListener("click", () => void eraseAll(server, ownerId, status));
      place.append(
        make("p", {
          textContent: "Deletes all sessions, drafts, snapshots, the trash and the activity for good. Shared links end. There is no way back.",
        }),
        make("label", {}, `Type “${ownerId}” to confirm `, typed),
        make("div", {}, erase),
        status,
      );
    },
    (error: unknown) => place.append(make("p", { className: "trouble", textContent: words(error) })),
  );
  return place;
}

async function eraseAll(server: Server, ownerId: string, status: HTMLElement): Promise<void> {
  status.textContent = "Erasing…";
  try {
    let found = await server.account.erase(ownerId);
    while (!found.done) found = await server.account.erase(ownerId);
    await server.forgetDevice();
    status.textContent = "Everything is erased.";
    document.dispatchEvent(new CustomEvent("savepoint-imported"));
  } catch (error) {
    status.textContent = `Not everything could be erased: ${words(error)} Try again.`;
  }
}

/** Takes files that are dropped anywhere. What is no file is ignored, and Escape removes the overlay. */
export function acceptDrops(server: Server): void {
  const overlay = make("div", { className: "drop", textContent: "Drop a file of an export", hidden: true });
  document.body.append(overlay);
  const hasFile = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragenter", (event) => (overlay.hidden = !hasFile(event)));
  addEventListener("dragover", (event) => {
    if (hasFile(event)) event.preventDefault();
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) overlay.hidden = true;
  });
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape") overlay.hidden = true;
  });
  addEventListener("drop", (event) => {
    overlay.hidden = true;
    if (!hasFile(event)) return;
    event.preventDefault(); // a miss opens nothing
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    const place = make("div", { className: "stack" });
    place.setAttribute("role", "status");
    find("#shown").prepend(place);
    document.body.toggleAttribute("data-shown", true);
    void importFile(server, file, place);
  });
}
