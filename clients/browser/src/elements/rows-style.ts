/** The look of lists: a table, and cards where it is narrow. */

import { css } from "lit";

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
    .wide {
      display: none;
    }
    /* Not hidden from all: a row of headers must have one. */
    th.still {
      position: absolute;
      width: 1px;
      height: 1px;
      padding: 0;
      border: 0;
      overflow: hidden;
      clip-path: inset(50%);
    }
    button.open,
    th button.bare {
      margin-inline-start: 0;
      padding-inline-start: 0;
    }
  }
`;
