/** The table of a list: sorted by its headers, and cards where it is narrow. */

import { css, html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Selection, Named } from "./selection.js";
import { say } from "./texts/index.js";
import { titleOf } from "./many.js";

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

export const rowsStyle = css`
  :host {
    display: block;
    container-type: inline-size;
  }
  input[type="search"] {
    flex: 1 1 12em;
    min-width: 0;
  }
  .bar {
    min-height: 34px;
  }
  [role="alert"]:empty {
    margin-block-start: -12px;
  }
  .failures {
    padding: 12px;
    border: 1px solid var(--_danger);
    border-radius: var(--_radius);
  }
  ul.named {
    padding-inline-start: 20px;
    overflow-wrap: anywhere;
  }
  td {
    overflow-wrap: anywhere;
  }
  th {
    font-weight: 600;
  }
  th button {
    font-weight: inherit;
    text-align: start;
    margin-inline-start: -8px;
  }
  td.title {
    width: 40%;
  }
  td.actions {
    text-align: end;
  }
  td.actions .row {
    justify-content: flex-end;
    flex-wrap: nowrap;
  }
  .open {
    text-align: start;
    font-weight: 600;
    margin-inline-start: -8px;
  }
  tbody tr:hover,
  tr.chosen {
    background: var(--_raised);
  }
  .select {
    width: 32px;
  }
  td.size,
  td.actions button,
  th button {
    white-space: nowrap;
  }
  .grow {
    flex: 1 1 20em;
  }
  .small {
    display: none;
  }
  @container (max-width: 700px) {
    .small {
      display: inline;
    }
    .selects thead tr {
      min-height: 40px;
    }
    table,
    thead,
    tbody {
      display: block;
    }
    tr {
      display: flex;
      flex-wrap: wrap;
      gap: 0 8px;
      align-items: center;
      padding: 4px 0;
      border-block-end: 1px solid var(--_faint);
    }
    .selects tr {
      position: relative;
      padding-inline-start: 36px;
    }
    .selects tr .select {
      position: absolute;
      inset-inline-start: 0;
      inset-block-start: 8px;
    }
    td,
    th {
      border: 0;
      padding: 2px 0;
    }
    td.title {
      width: auto;
      flex: 1 1 100%;
    }
    td:not(.title, .select, .actions) {
      color: var(--_quiet);
    }
    td.actions {
      margin-inline-start: auto;
    }
    td:empty,
    .wide,
    th.still {
      display: none;
    }
    button.open,
    th button.bare {
      margin-inline-start: 0;
      padding-inline-start: 0;
    }
  }
`;

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
      ${label}<span class="arrow" aria-hidden="true">&nbsp;${isUp ? "▲" : isDown ? "▼" : "↕"}</span>
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
