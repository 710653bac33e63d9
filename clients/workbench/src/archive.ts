/** The file of an export: which documents it has, and how it is sent in parts. */

import { say } from "./language.js";

/** The most bytes and lines in one request. The server accepts a little more. */
const BYTES_MAX = 6_000_000;
const LINES_MAX = 1_000;

const SESSION = /^\{"kind": ?"session"/;
const IMPORTED = /^\{"kind": ?"(session|revision)"/;

export interface Archive {
  /** Chosen by what is in the file, so that importing it twice doubles nothing. */
  importId: string;
  documents: readonly ArchivedDocument[];
  /** Lines that an import skips: snapshots, visits and activity. */
  others: number;
}

export interface ArchivedDocument {
  title: string;
  status: string;
  bytes: number;
  updatedAt: string | undefined;
  /** The line of the document, and those of its history. */
  lines: readonly string[];
}

/** Reads a file. Lines that are no JSON belong to the document before them, and the server refuses them by name. */
export async function read(file: File): Promise<Archive> {
  const text = await file.text();
  const documents: (ArchivedDocument & { lines: string[] })[] = [];
  let others = 0;
  for (const line of text.split("\n").filter((one) => one.trim())) {
    const isOurs = IMPORTED.test(line) || !/^\{"kind": ?"/.test(line);
    if (SESSION.test(line)) documents.push({ ...described(line, documents.length), lines: [line] });
    else if (isOurs) (documents.at(-1) ?? start(documents)).lines.push(line);
    else others++;
  }
  return { importId: await idOf(text), documents, others };
}

/** A part of an export can begin with the history of a document that is in the part before. */
function start(documents: (ArchivedDocument & { lines: string[] })[]): { lines: string[] } {
  const first = { title: say("(without its document)"), status: "", bytes: 0, updatedAt: undefined, lines: [] as string[] };
  documents.push(first);
  return first;
}

function described(line: string, index: number): Omit<ArchivedDocument, "lines"> {
  try {
    const { metadata = {} } = JSON.parse(line) as { metadata?: Record<string, unknown> };
    const { title, status, contentBytes, updatedAt } = metadata;
    return {
      title: String(title ?? say("Untitled")),
      status: String(status ?? ""),
      bytes: Number(contentBytes ?? 0),
      updatedAt: typeof updatedAt === "string" ? updatedAt : undefined,
    };
  } catch {
    return { title: say("Document {number}, unreadable", { number: index + 1 }), status: "", bytes: 0, updatedAt: undefined };
  }
}

async function idOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const digest = crypto.subtle
    ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
    : crypto.getRandomValues(new Uint8Array(9));
  return btoa(String.fromCharCode(...digest.subarray(0, 9)))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

/** Cuts documents into parts that one request can carry. Only a history that is too long for one is cut. */
export function* partsOf(documents: readonly ArchivedDocument[]): Generator<Part> {
  const encoder = new TextEncoder();
  let part: Part = { lines: [], documents: [] };
  let size = 0;
  for (const document of documents) {
    const sizes = document.lines.map((line) => encoder.encode(line).length + 1);
    const whole = sizes.reduce((sum, one) => sum + one, 0);
    const fits = size + whole <= BYTES_MAX && part.lines.length + sizes.length <= LINES_MAX;
    if (!fits && part.lines.length) {
      yield part;
      [part, size] = [{ lines: [], documents: [] }, 0];
    }
    part.documents.push({ document, line: part.lines.length + 1 });
    for (const [index, line] of document.lines.entries()) {
      const bytes = sizes[index] ?? 0;
      if (part.lines.length && (size + bytes > BYTES_MAX || part.lines.length >= LINES_MAX)) {
        yield part;
        [part, size] = [{ lines: [], documents: [] }, 0];
      }
      part.lines.push(line);
      size += bytes;
    }
  }
  if (part.lines.length) yield part;
}

interface Part {
  lines: string[];
  /** The documents whose lines are in this part, with the number of their line, from 1. */
  documents: { document: ArchivedDocument; line: number }[];
}
