/** The look of the light. */

import { css } from "lit";

export const statusLook = css`
  :host {
    display: inline-block;
    position: relative;
  }
  svg {
    width: 16px;
    height: 16px;
    flex: none;
  }
  button.light {
    display: inline-flex;
    gap: 6px;
    align-items: center;
    text-align: start;
  }
  .good {
    color: var(--_good);
  }
  .open {
    color: var(--_quiet);
  }
  .warning {
    color: var(--_warning);
  }
  .danger {
    color: var(--_danger);
  }
  .details {
    position: absolute;
    inset-block-start: calc(100% + 4px);
    inset-inline-end: 0;
    z-index: 5;
    width: min(340px, calc(100vw - 24px));
    padding: 12px;
    border: 1px solid var(--_faint);
    border-radius: var(--_radius);
    background: var(--_surface);
    color: var(--_text);
    box-shadow: 0 4px 20px rgb(0 0 0 / 25%);
  }
  dl {
    display: grid;
    grid-template-columns: auto 1fr;
    gap: 4px 12px;
  }
`;
