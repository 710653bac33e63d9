/** What of an old version can be put back alone, in words. */

import { html, nothing, type TemplateResult } from "lit";
import { oneInWords, placeInWords, type Change } from "./changes.js";
import { say } from "./texts/index.js";

/** Whether a change can be taken back alone: a moved item cannot. */
export const isPart = ({ path, kind }: Change): boolean => path.length > 0 && kind !== "moved";

/** Returns in words what taking a change back does. */
export function reversed(change: Change): string {
  const { kind, before, after } = change;
  const back = kind === "added" ? "removed" : kind === "removed" ? "added" : kind;
  return oneInWords({ ...change, kind: back, before: after, after: before });
}

/** Returns a list of what can be put back. */
export function partsOf(
  parts: readonly Change[],
  put: (change: Change) => unknown,
  pick: (change: Change) => void,
): TemplateResult | typeof nothing {
  if (!parts.length) return nothing;
  return html`<details>
    <summary>${say("history.put-heading")}</summary>
    <ul>
      ${parts.map(
        (change) => html`<li class="row">
          <span class="spread">${reversed(change)}</span>
          <button aria-label="${say("history.put")}: ${reversed(change)}" @click=${() => put(change)}>
            ${say("history.put")}
          </button>
          <button aria-label="${say("history.pick")}: ${placeInWords(change.names ?? [])}" @click=${() => pick(change)}>
            ${say("history.pick")}
          </button>
        </li>`,
      )}
    </ul>
  </details>`;
}
