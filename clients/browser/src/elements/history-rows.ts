/** How the history looks: rows, and a picture of the size. */

import { css, html, nothing, svg, type TemplateResult } from "lit";
import type { RevisionMetadata } from "../wire.gen.js";
import { bytes, say } from "./texts/index.js";
import { time } from "./time.js";
import { outlives, restoredFrom, type Versions } from "./versions.js";

export const historyLook = css`
  :host {
    display: block;
    container-type: inline-size;
  }
  .both {
    display: grid;
    gap: 16px;
    grid-template-columns: minmax(0, 1fr);
    align-items: start;
  }
  @container (min-width: 760px) {
    .beside {
      grid-template-columns: minmax(260px, 1fr) minmax(0, 2fr);
    }
  }
  ol {
    list-style: none;
  }
  li {
    border-block-start: 1px solid var(--_faint);
    padding: 4px 0;
  }
  li.named {
    border-inline-start: 4px solid var(--_accent);
    padding-inline-start: 8px;
  }
  li.more {
    border: 0;
    padding: 0 0 4px 8px;
  }
  button.version {
    display: block;
    width: 100%;
    text-align: start;
    border-color: transparent;
    padding: 4px 8px;
  }
  button.version[aria-current] {
    border-color: var(--_accent);
    background: var(--_raised);
  }
  @media (forced-colors: active) {
    button.version[aria-current] {
      outline: 2px solid Highlight;
    }
  }
  .words {
    display: block;
    color: var(--_text);
    min-height: 1.45em;
    overflow-wrap: anywhere;
  }
  .mark {
    color: var(--_accent);
  }
  .meta {
    padding: 0 8px;
    color: var(--_quiet);
    overflow-wrap: anywhere;
  }
  svg {
    display: block;
    width: 100%;
    height: 48px;
  }
  rect {
    fill: var(--_accent);
  }
  figure {
    margin: 0;
  }
`;

/** Rows say how long they stay if that is less than this. The preview always says it. */
const SOON = 5;

const ACTIONS = new Set(["created", "saved", "autosaved", "renamed", "promoted", "closed", "reopened", "untrashed"]);

/** Returns the first line of a row: the version or its name, and what made it. */
export function titleOf(one: RevisionMetadata, isCurrent: boolean, all: readonly RevisionMetadata[]): TemplateResult {
  const { version, name, action } = one;
  const from = restoredFrom(one, all);
  const how =
    action === "restored"
      ? from === undefined
        ? say("history.by.restored")
        : say("history.by.restored-from", { version: String(from) })
      : ACTIONS.has(action)
        ? say(`history.by.${action as "saved"}`)
        : "";
  return html`<b>${name ?? say("history.version", { version: String(version) })}</b>
    ${name ? html`<span class="quiet">${say("compare.version", { version: String(version) })}</span>` : nothing}
    <span class="quiet">${how}</span> ${isCurrent ? html`<b>· ${say("history.current")}</b>` : nothing}`;
}

/** Returns the second line: when, where, how much larger, and how long it stays. */
export function metaOf(one: RevisionMetadata, versions: Versions, oldest: RevisionMetadata): TemplateResult {
  const { all } = versions;
  const before = all[all.indexOf(oldest) + 1];
  const count = outlives(one, versions) ?? SOON;
  return html`<p class="meta">
    ${time(one.savedAt)} ${one.deviceInfo ? html`· ${one.deviceInfo}` : nothing} ·
    ${sizeInWords(one.contentBytes, before?.contentBytes)}
    ${one.name ? html`<br />${keptInWords(versions)}` : nothing}
    ${count < SOON ? html`<br />${lifeInWords(count)}` : nothing}
    ${one.description ? html`<br />${one.description}` : nothing}
  </p>`;
}

/** Returns how many versions with a name there are, and may be. */
export function keptInWords({ all, kept }: Versions): string {
  const count = all.filter(({ name }) => name !== null).length;
  return say("history.for-good", { count, most: kept.named });
}

/** Returns how long a version without a name stays. */
export const lifeInWords = (count: number): string =>
  count ? say("history.outlives", { count }) : say("history.goes-next");

function sizeInWords(now: number, before: number | undefined): string {
  if (before === undefined) return bytes(now);
  if (now === before) return say("history.same-size");
  return now > before ? `+${bytes(now - before)}` : `−${bytes(before - now)}`;
}

/** Moves the focus by the arrow keys, Home and End. Returns the button that has it, if it moved. */
export function walk(event: KeyboardEvent, all: HTMLButtonElement[]): HTMLButtonElement | undefined {
  const at = all.indexOf(event.target as HTMLButtonElement);
  const places: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
  const to = places[event.key];
  if (at < 0 || to === undefined) return undefined;
  event.preventDefault();
  const button = all[Math.max(0, Math.min(to, all.length - 1))]!;
  button.focus();
  return button;
}

/** Returns the sizes of all versions as bars, the oldest first. */
export function chart(all: readonly RevisionMetadata[]): TemplateResult | typeof nothing {
  if (all.length < 3) return nothing;
  const sizes = all.map(({ contentBytes }) => contentBytes).reverse();
  const most = Math.max(...sizes, 1);
  const width = 100 / sizes.length;
  const label = say("history.chart", {
    ...{ count: sizes.length, first: bytes(sizes[0]!), last: bytes(sizes.at(-1)!), most: bytes(most) },
  });
  return html`<figure part="chart">
    <svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label=${label}>
      ${sizes.map((size, at) => {
        const height = Math.max(1, (40 * size) / most);
        return svg`<rect x=${at * width} y=${40 - height} width=${width * 0.8} height=${height} />`;
      })}
    </svg>
    <figcaption class="quiet">${label}</figcaption>
  </figure>`;
}
