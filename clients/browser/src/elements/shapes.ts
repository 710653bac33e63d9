/** The shapes of the light. */

import { html, type TemplateResult } from "lit";

/** A shape for each kind of news, so that the colour is not needed. */
export const SHAPES: Record<"good" | "open" | "warning" | "danger", TemplateResult> = {
  good: html`<svg viewBox="0 0 16 16" aria-hidden="true">
    <circle cx="8" cy="8" r="7" fill="currentColor" />
    <path d="M4.5 8.2l2.4 2.4 4.6-5" fill="none" stroke="var(--_surface)" stroke-width="2" />
  </svg>`,
  open: html`<svg viewBox="0 0 16 16" aria-hidden="true">
    <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2" />
  </svg>`,
  warning: html`<svg viewBox="0 0 16 16" aria-hidden="true">
    <path d="M8 1l7.5 14h-15z" fill="currentColor" />
    <path d="M8 6v4.5M8 12v1.6" stroke="var(--_surface)" stroke-width="1.8" />
  </svg>`,
  danger: html`<svg viewBox="0 0 16 16" aria-hidden="true">
    <path d="M5 .5h6L15.500 5v6L11 15.500H5L.5 11V5z" fill="currentColor" />
    <path d="M5 5l6 6M11 5l-6 6" stroke="var(--_surface)" stroke-width="2" />
  </svg>`,
};
