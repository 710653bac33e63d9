/** The look of a comparison: side by side where there is room, else one below the other. */

import { css } from "lit";

export const rowsLook = css`
  :host {
    display: block;
    container-type: inline-size;
  }
  .rows {
    list-style: none;
    max-height: var(--savepoint-compare-height, 50vh);
    overflow: auto;
    border: 1px solid var(--_faint);
    border-radius: var(--_radius);
    font: var(--savepoint-code-font, 13px / 1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace);
    position: relative;
  }
  .rows li {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
  }
  .cell {
    display: grid;
    grid-template-columns: 1.6em minmax(0, 1fr);
    min-height: 1.5em;
  }
  .cell > span:last-child {
    padding-inline: 4px;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
    unicode-bidi: plaintext;
  }
  .sign {
    text-align: center;
    user-select: none;
  }
  .gone {
    background: var(--_removed);
  }
  .come {
    background: var(--_added);
  }
  .moved .cell {
    background: var(--_raised);
  }
  .place {
    grid-column: 1 / -1;
    padding-inline-start: 1.6em;
    background: var(--_raised);
    color: var(--_quiet);
    font-family: system-ui, sans-serif;
  }
  mark {
    background: none;
    color: inherit;
    font-weight: bold;
    text-decoration: underline;
    text-underline-offset: 3px;
  }
  .now .sign {
    background: var(--_accent);
    color: var(--_on-accent);
  }
  .same .after,
  .moved .before,
  .cell.nothing {
    display: none;
  }
  .fold button {
    width: 100%;
    min-height: 28px;
    border-radius: 0;
    border-color: transparent;
    color: var(--_quiet);
    background: var(--_raised);
    font: 12px system-ui, sans-serif;
  }
  .sides {
    display: grid;
    gap: 4px 12px;
    grid-template-columns: minmax(0, 1fr);
  }
  .sides p {
    overflow-wrap: anywhere;
  }
  @container (min-width: 640px) {
    .rows li:not(.fold),
    .sides {
      grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
    }
    .same .after,
    .moved .before,
    .cell.nothing {
      display: grid;
    }
    .cell.nothing {
      background: var(--_raised);
    }
  }
  @media (forced-colors: active) {
    /* Browsers give it a background of its own then, which is not here. */
    mark {
      color: CanvasText;
    }
    .now {
      outline: 2px solid Highlight;
      outline-offset: -2px;
    }
  }
`;
