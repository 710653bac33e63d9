/** The look. Apps change it by the custom properties and by parts. */

import { css } from "lit";

/** Colours have a contrast of at least 4.5 to 1 in both schemes. Apps set the properties without `_`. */
export const look = css`
  :host {
    --_accent: var(--savepoint-accent, #0b57d0);
    --_on-accent: var(--savepoint-on-accent, #ffffff);
    --_text: var(--savepoint-text, #1b1c1e);
    --_quiet: var(--savepoint-quiet, #55585e);
    --_surface: var(--savepoint-surface, #ffffff);
    --_raised: var(--savepoint-raised, #f3f4f7);
    --_line: var(--savepoint-line, #84878d);
    --_faint: var(--savepoint-faint, #d6d8dd);
    --_good: var(--savepoint-good, #146c2e);
    --_warning: var(--savepoint-warning, #7d4e00);
    --_danger: var(--savepoint-danger, #b3261e);
    --_on-danger: var(--savepoint-on-danger, #ffffff);
    --_added: var(--savepoint-added, #d8f3dd);
    --_removed: var(--savepoint-removed, #fbdedb);
    --_radius: var(--savepoint-radius, 6px);
    color: var(--_text);
    font: var(--savepoint-font, 14px / 1.45 system-ui, sans-serif);
    color-scheme: light dark;
  }
  @media (prefers-color-scheme: dark) {
    :host {
      --_accent: var(--savepoint-accent, #a8c7fa);
      --_on-accent: var(--savepoint-on-accent, #062e6f);
      --_text: var(--savepoint-text, #e6e7ea);
      --_quiet: var(--savepoint-quiet, #b3b6bd);
      --_surface: var(--savepoint-surface, #1b1c1f);
      --_raised: var(--savepoint-raised, #27292d);
      --_line: var(--savepoint-line, #8a8d94);
      --_faint: var(--savepoint-faint, #3d4046);
      --_good: var(--savepoint-good, #7ddc93);
      --_warning: var(--savepoint-warning, #f2c06b);
      --_danger: var(--savepoint-danger, #f5b5af);
      --_on-danger: var(--savepoint-on-danger, #5f120d);
      --_added: var(--savepoint-added, #123d1e);
      --_removed: var(--savepoint-removed, #55201c);
    }
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
  }
  button,
  select,
  input:not([type="checkbox"], [type="radio"]) {
    min-height: 32px;
    padding: 4px 12px;
    border: 1px solid var(--_line);
    border-radius: var(--_radius);
    background: var(--_surface);
    max-width: 100%;
  }
  button {
    cursor: pointer;
    overflow-wrap: anywhere;
  }
  button:hover:not(:disabled, [aria-disabled="true"]) {
    background: var(--_raised);
  }
  button:disabled,
  button[aria-disabled="true"] {
    cursor: default;
    color: var(--_quiet);
    border-color: var(--_faint);
  }
  button.main {
    background: var(--_accent);
    color: var(--_on-accent);
    border-color: var(--_accent);
  }
  button.main:hover:not(:disabled) {
    background: var(--_accent);
    text-decoration: underline;
  }
  button.main:disabled {
    background: var(--_raised);
    color: var(--_quiet);
    border-color: var(--_faint);
  }
  button.danger:not(:disabled) {
    color: var(--_danger);
    border-color: var(--_danger);
  }
  button.bare {
    border-color: transparent;
    background: none;
    padding: 4px 8px;
  }
  button.bare.danger:not(:disabled) {
    border-color: transparent;
  }
  button.bare:hover:not(:disabled) {
    background: var(--_raised);
  }
  input[type="checkbox"],
  input[type="radio"] {
    width: 18px;
    height: 18px;
    margin: 3px;
    accent-color: var(--_accent);
  }
  a {
    color: var(--_accent);
  }
  :focus-visible {
    outline: 2px solid var(--_accent);
    outline-offset: 2px;
  }
  h1,
  h2,
  h3,
  p,
  ul,
  ol,
  dl,
  dd {
    margin: 0;
    padding: 0;
  }
  h2 {
    font-size: 1.2em;
  }
  h3 {
    font-size: 1em;
  }
  .quiet {
    color: var(--_quiet);
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: center;
  }
  .stack {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px;
  }
  .spread {
    margin-inline-end: auto;
  }
  .trouble {
    color: var(--_danger);
  }
  .empty {
    padding: 24px 12px;
    text-align: center;
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  table {
    border-collapse: collapse;
    width: 100%;
  }
  th,
  td {
    text-align: start;
    padding: 6px 8px;
    border-block-end: 1px solid var(--_faint);
    vertical-align: middle;
  }
  @media (forced-colors: active) {
    button.main:not(:disabled),
    button.main:hover:not(:disabled) {
      forced-color-adjust: none;
      background: Highlight;
      color: HighlightText;
      border-color: Highlight;
    }
  }
`;
