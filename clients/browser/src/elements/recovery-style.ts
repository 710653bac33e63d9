/** The look of what is to recover. */

import { css } from "lit";

export const recoveryLook = css`
  ul {
    list-style: none;
  }
  li {
    padding: 10px 0;
    border-block-start: 1px solid var(--_faint);
  }
  pre {
    margin: 0;
    max-height: 40vh;
    overflow: auto;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  summary {
    cursor: pointer;
    min-height: 24px;
  }
  b {
    overflow-wrap: anywhere;
  }
`;
