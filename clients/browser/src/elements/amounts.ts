/** How much is kept, as a bar and in words, and what will happen at a limit. */

import { css, html, svg, type TemplateResult } from "lit";
import type { Amounts } from "../wire.gen.js";
import { bytes, say } from "./texts/index.js";

/** From this part of a limit on, the person is warned. */
const WARNING = 0.8;
const WIDTH = 400;
export const COUNTED = ["sessions", "drafts", "snapshots"] as const;
const SUMMED = ["keptBytes", "storedBytes"] as const;

type Part = "current" | "versions" | "trash";

export const amountsStyle = css`
  svg.bar {
    display: block;
    width: 100%;
    height: 20px;
    border: 1px solid var(--_line);
    border-radius: var(--_radius);
  }
  .current {
    fill: var(--_accent);
  }
  .versions {
    fill: var(--_good);
  }
  .trash {
    fill: var(--_warning);
  }
  ul.parts {
    list-style: none;
    display: flex;
    flex-wrap: wrap;
    gap: 4px 20px;
  }
  .parts svg {
    width: 12px;
    height: 12px;
    margin-inline-end: 6px;
  }
  .warning {
    padding: 12px;
    border: 1px solid var(--_warning);
    border-radius: var(--_radius);
  }
  .warning strong {
    color: var(--_warning);
  }
  @media (forced-colors: active) {
    rect {
      forced-color-adjust: none;
    }
  }
`;

/** Returns a number with its limit, if there is one. */
export const ofLimit = (used: number, limit: number, show: (value: number) => string): string =>
  limit ? say("usage.of", { used: show(used), limit: show(limit) }) : show(used);

/** Returns the parts of what is kept. They add up to it. */
function partsOf({ keptBytes, storedBytes, trashBytes }: Amounts): Record<Part, number> {
  return { current: storedBytes, versions: Math.max(0, keptBytes - storedBytes - trashBytes), trash: trashBytes };
}

/** Returns what is kept, as a bar and in words. Without a limit, the bar shows the parts alone. */
export function space(used: Amounts, limit: number): TemplateResult {
  const parts = Object.entries(partsOf(used)) as [Part, number][];
  const whole = Math.max(limit, used.keptBytes, 1);
  let x = 0;
  const rects = parts.map(([name, size]) => {
    const width = (size / whole) * WIDTH;
    x += width;
    return svg`<rect class=${name} x=${x - width} y="0" width=${width} height="20"></rect>`;
  });
  return html`<p><strong>${ofLimit(used.keptBytes, limit, bytes)}</strong> ${say("usage.kept")}</p>
    <svg class="bar" viewBox="0 0 ${WIDTH} 20" preserveAspectRatio="none" aria-hidden="true">${rects}</svg>
    <ul class="parts" aria-label=${say("usage.parts")}>
      ${parts.map(
        ([name, size]) => html`<li>
          <svg viewBox="0 0 12 12" aria-hidden="true"><rect class=${name} width="12" height="12"></rect></svg
          >${say(`usage.${name}`)}: ${bytes(size)}
        </li>`,
      )}
    </ul>`;
}

/** Returns what will happen at each limit that is near. */
export function warnings(used: Amounts, limits: Amounts): TemplateResult[] {
  const near = [...SUMMED, ...COUNTED].filter((name) => limits[name] && used[name] >= limits[name] * WARNING);
  return near.map((name) => {
    const isBytes = name === "keptBytes" || name === "storedBytes";
    const amount = ofLimit(used[name], limits[name], isBytes ? bytes : String);
    const isFull = used[name] >= limits[name];
    return html`<div class="warning">
      <strong>${say(isFull ? "usage.full" : "usage.near")}</strong> ${say(`usage.${name}`)}: ${amount}.
      ${say(isBytes ? "usage.when-no-bytes" : "usage.when-no-more")}
    </div>`;
  });
}
