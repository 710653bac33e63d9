/** The look of merging. */

import { css } from "lit";

export const mergeLook = css`
  fieldset {
    margin: 0;
    min-width: 0;
    padding: 8px 12px;
    border: 1px solid var(--_line);
    border-radius: var(--_radius);
  }
  fieldset.open {
    border-inline-start: 4px solid var(--_warning);
  }
  legend {
    font-weight: bold;
    overflow-wrap: anywhere;
  }
  label {
    display: grid;
    grid-template-columns: auto 5em minmax(0, 1fr);
    gap: 4px 8px;
    align-items: start;
    padding: 4px 0;
  }
  pre {
    margin: 0;
    max-height: 9em;
    overflow: auto;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
    font: var(--savepoint-code-font, 13px / 1.5 ui-monospace, Menlo, Consolas, monospace);
  }
  summary {
    cursor: pointer;
    min-height: 24px;
  }
  details ul {
    padding-inline-start: 20px;
  }
`;
