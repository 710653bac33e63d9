/** The look of one version. */

import { css } from "lit";

export const versionLook = css`
  :host {
    display: block;
  }
  pre {
    margin: 0;
    padding: 8px;
    max-height: 50vh;
    overflow: auto;
    border: 1px solid var(--_faint);
    border-radius: var(--_radius);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
    unicode-bidi: plaintext;
  }
  summary {
    cursor: pointer;
    min-height: 24px;
  }
  ul {
    list-style: none;
  }
  li {
    padding: 4px 0;
    overflow-wrap: anywhere;
  }
`;
