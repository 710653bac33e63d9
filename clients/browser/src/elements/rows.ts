/** The table of a list: sorted by its headers, and cards where it is narrow. */

import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Selection, Named } from "./selection.js";
import { say, titleOf } from "./texts/index.js";

export interface Column<Row> {
  readonly key: string;
  readonly label: string;
  /** The direction that comes first, if it can be sorted. */
  readonly sorts?: "up" | "down";
  /** True if it is left out where there is little room. */
  readonly wide?: boolean;
  cell(row: Row): unknown;
}

export interface Table<Row extends Named> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** The key of a column, with a minus if the order is downwards. */
  readonly sort?: string;
  readonly chosen?: Selection | undefined;
  sorted?(sort: string): void;
  actions(row: Row, index: number): unknown;
}

/** Returns the table. The roles are said again, because a table that is shown as cards loses them. */
export function rowsOf<Row extends Named>(table: Table<Row>): TemplateResult {
  const { chosen, rows } = table;
  return html`<table role="table" class=${chosen ? "selects" : ""} aria-label=${table.label} part="table">
    <thead role="rowgroup">
      <tr role="row">
        ${chosen ? headOfSelection(chosen, rows) : nothing} ${table.columns.map((column) => head(table, column))}
        <th role="columnheader" class="still"><span class="unseen">${say("list.actions")}</span></th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${repeat(
        rows,
        ({ id }) => id,
        (row, index) => html`<tr role="row" data-row class=${chosen?.has(row.id) ? "chosen" : ""}>
          ${chosen ? select(chosen, row) : nothing}
          ${table.columns.map(
            (column) =>
              html`<td role="cell" class="${column.key} ${column.wide ? "wide" : ""}">${column.cell(row)}</td>`,
          )}
          <td role="cell" class="actions"><div class="row">${table.actions(row, index)}</div></td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}

function head<Row extends Named>(table: Table<Row>, { key, label, sorts, wide }: Column<Row>): TemplateResult {
  const classes = `${wide ? "wide" : ""} ${sorts && table.sorted ? "" : "still"}`;
  if (!sorts || !table.sorted) return html`<th role="columnheader" class=${classes}>${label}</th>`;
  const isUp = table.sort === key;
  const isDown = table.sort === `-${key}`;
  const next = isUp || (!isDown && sorts === "down") ? `-${key}` : key;
  const order = isUp ? "ascending" : isDown ? "descending" : "none";
  return html`<th role="columnheader" class=${classes} aria-sort=${order}>
    <button class="bare" title=${say("list.sort", { column: label })} @click=${() => table.sorted?.(next)}>
      ${label}<span aria-hidden="true">&nbsp;${isUp ? "▲" : isDown ? "▼" : "↕"}</span>
    </button>
  </th>`;
}

function headOfSelection(chosen: Selection, rows: readonly Named[]): TemplateResult {
  const within = chosen.within(rows);
  const toggle = (): void => chosen.put(rows, within < rows.length);
  return html`<th role="columnheader" class="select">
    <input
      type="checkbox"
      aria-label=${say("list.select-page")}
      .checked=${within > 0 && within === rows.length}
      .indeterminate=${within > 0 && within < rows.length}
      @change=${toggle}
    />
  </th>`;
}

const select = (chosen: Selection, row: Named): TemplateResult =>
  html`<td role="cell" class="select">
    <input
      type="checkbox"
      aria-label=${say("list.select", { title: titleOf(row.title) })}
      .checked=${chosen.has(row.id)}
      @change=${(event: Event) => chosen.put([row], (event.target as HTMLInputElement).checked)}
    />
  </td>`;
