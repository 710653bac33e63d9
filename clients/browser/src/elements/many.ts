/** One action on many things: what was done, and what failed, by name. */

import { html, nothing, type TemplateResult } from "lit";
import type { Server } from "../server.js";
import { TOGETHER } from "../sync.js";
import type { Named } from "./selection.js";
import { reasonOf, say, titleOf, type Table } from "./texts/index.js";

export interface Outcome {
  readonly done: readonly Named[];
  readonly failed: readonly { readonly row: Named; readonly reason: string }[];
}

const AT_ONCE = 4;

/** Calls something for each row, some at a time. */
export async function forEach(
  rows: readonly Named[],
  act: (id: string) => Promise<unknown>,
  progress: (done: number) => void = () => undefined,
): Promise<Outcome> {
  const left = [...rows];
  const [done, failed]: [Named[], { row: Named; reason: string }[]] = [[], []];
  const work = async (): Promise<void> => {
    for (let row = left.shift(); row; row = left.shift()) {
      try {
        await act(row.id);
        done.push(row);
      } catch (error) {
        failed.push({ row, reason: reasonOf(error) });
      }
      progress(done.length + failed.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, failed };
}

/** Moves sessions and drafts to the trash. After a request that fails as a whole, no other is sent. */
export async function trashAll(
  server: Server,
  rows: readonly Named[],
  progress: (done: number) => void = () => undefined,
): Promise<Outcome> {
  const [done, failed]: [Named[], { row: Named; reason: string }[]] = [[], []];
  for (let from = 0; from < rows.length; from += TOGETHER) {
    const some = rows.slice(from, from + TOGETHER);
    try {
      const results = await server.sessions.removeMany(some.map(({ id }) => id));
      some.forEach((row, at) => {
        const problem = results[at]?.problem;
        if (problem) failed.push({ row, reason: problem.detail });
        else done.push(row);
      });
    } catch (error) {
      failed.push(...rows.slice(from).map((row) => ({ row, reason: reasonOf(error) })));
      break;
    }
    progress(from + some.length);
  }
  return { done, failed };
}

/** Restores from the trash. For *Undo*, which outlives its list: rejects if something could not be restored. */
export async function restoreAll(server: Server, rows: readonly Named[]): Promise<void> {
  const { failed } = await forEach(rows, (id) => server.trash.restore(id));
  changed();
  if (failed[0]) throw new Error(`${failed.map(({ row }) => titleOf(row.title)).join(", ")}: ${failed[0].reason}`);
}

/** Lets every list ask the server again. */
export const changed = (): boolean => document.dispatchEvent(new CustomEvent("savepoint-changed"));

/** Returns one text for one thing with its title, and another for many with their number. */
export const oneOrMany = (one: keyof Table, many: keyof Table, rows: readonly Named[]): string =>
  rows.length === 1 ? say(one, { title: titleOf(rows[0]?.title) }) : say(many, { count: rows.length });

/** Returns what failed, by name, or nothing. */
export function failures(outcome: Outcome | undefined, dismiss: () => void): TemplateResult | typeof nothing {
  if (!outcome?.failed.length) return nothing;
  const count = outcome.failed.length;
  return html`<div class="failures stack" part="failures">
    <p class="trouble"><strong>${say("many.failed", { count, all: count + outcome.done.length })}</strong></p>
    <ul class="named">
      ${outcome.failed.map(({ row, reason }) => html`<li>${titleOf(row.title)}: ${reason}</li>`)}
    </ul>
    <div><button @click=${dismiss}>${say("dismiss")}</button></div>
  </div>`;
}
