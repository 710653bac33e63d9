/** The lines of the activity, folded, and as a file. */

import type { Activity } from "../wire.gen.js";

/** Lines of the same that follow each other closely. `first` is the oldest. */
export interface Sitting {
  readonly id: string;
  readonly title: string;
  readonly last: Activity;
  readonly first: Activity;
  readonly count: number;
}

/** Lines that lie further apart are of two sittings. */
const APART_MS = 30 * 60_000;

/** Folds lines, which come newest first. */
export function fold(lines: readonly Activity[]): readonly Sitting[] {
  const sittings: Sitting[] = [];
  for (const line of lines) {
    const before = sittings.at(-1);
    if (before && isSame(before.first, line)) {
      sittings[sittings.length - 1] = { ...before, id: idOf(line), first: line, count: before.count + 1 };
    } else {
      sittings.push({ id: idOf(line), title: line.subject.title ?? "", last: line, first: line, count: 1 });
    }
  }
  return sittings;
}

/** Returns what tells a line from the others: several can be of one moment. A sitting has that of its oldest line, so
 * that it stays the same row while it grows. */
export const idOf = ({ at, subject, action, version, name, actor }: Activity): string =>
  JSON.stringify([at, subject.id, action, version, name, actor]);

const isSame = (a: Activity, b: Activity): boolean =>
  a.subject.id === b.subject.id &&
  a.action === b.action &&
  a.actor === b.actor &&
  a.deviceInfo === b.deviceInfo &&
  a.name === b.name &&
  Math.abs(Date.parse(a.at) - Date.parse(b.at)) <= APART_MS;

const COLUMNS = ["at", "action", "actor", "kind", "id", "title", "version", "name", "device", "app", "bytes"];

/** Returns the lines as CSV (RFC 4180). The id of a snapshot is a link to it, so it is left out. */
export function csvOf(lines: readonly Activity[]): string {
  const rows = lines.map(({ at, action, actor, subject, version, name, deviceInfo, app, contentBytes }) => [
    ...[at, action, actor, subject.kind, subject.kind === "snapshot" ? "" : subject.id, subject.title],
    ...[version, name, deviceInfo, app, contentBytes],
  ]);
  return [COLUMNS, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** A spreadsheet would run a title that begins like a formula. */
function cell(value: string | number | null): string {
  const text = String(value ?? "").replace(/^(?=[=+\-@\t\r])/, "'");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
