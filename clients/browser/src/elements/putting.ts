/** Puts one part of an old version into a text of JSON. */

import { html, nothing, type TemplateResult } from "lit";
import { oneInWords, placeInWords, type Change } from "./changes.js";
import { say } from "./texts/index.js";

type Path = Change["path"];
type Holder = Record<string | number, unknown>;

/** Returns the text with a value at a path; undefined removes it. An array gets an item, or loses it. */
export function withPart(text: string, path: Path, value: unknown, isItem: boolean): string {
  const whole = JSON.parse(text) as unknown;
  const last = path.at(-1);
  const holder = path.slice(0, -1).reduce((at, key) => (at as Holder | undefined)?.[key], whole);
  if (last === undefined || typeof holder !== "object" || holder === null) return text;
  if (Array.isArray(holder) && isItem) {
    if (value === undefined) holder.splice(Number(last), 1);
    else holder.splice(Number(last), 0, value);
  } else if (value === undefined) delete (holder as Holder)[last];
  else (holder as Holder)[last] = value;
  const indent = /^\s*[{[]\r?\n([ \t]+)/.exec(text)?.[1] ?? "";
  return JSON.stringify(whole, null, indent);
}

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
  put: (change: Change) => void,
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
