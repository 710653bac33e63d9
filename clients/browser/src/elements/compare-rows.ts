/** The rows of a comparison, and the labels of its sides. */

import { html, nothing, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import type { Piece, Row } from "./difference/model.js";
import { say, type Time } from "./texts/index.js";
import { time } from "./time.js";

/** One side of a comparison: a text, and what tells people which one it is. */
export interface Compared {
  text: string;
  label: string;
  version?: number | undefined;
  at?: Time | undefined;
}

type Pieces = (before: string, after: string) => [Piece[], Piece[]];

interface Place {
  /** It belongs to the change that is shown. */
  isNow: boolean;
  /** It is the first row of its change. */
  isFirst: boolean;
  /** What is said at its side. */
  words: string | undefined;
}

export function rowOf(row: Row, pieces: Pieces, { isNow, isFirst, words }: Place): TemplateResult {
  const { kind, before, after } = row;
  const isBoth = kind === "changed" && before !== undefined && after !== undefined;
  const [old, now] = isBoth ? pieces(before, after) : [undefined, undefined];
  return html`<li class="${kind} ${isNow ? "now" : ""}" aria-current=${isNow && isFirst ? "true" : nothing}>
    ${words ? html`<p class="place">${words}</p>` : nothing}
    ${cell("before", row, before, old)}${cell("after", row, after, now)}
  </li>`;
}

export function sideOf(key: "compare.old" | "compare.new", { label, version, at }: Compared): TemplateResult {
  return html`<p>
    <span class="unseen">${say(key)}</span> <b>${label}</b>
    ${version === undefined ? nothing : html`<span class="quiet">${say("compare.version", { version: String(version) })}</span>`}
    ${at === undefined ? nothing : time(at)}
  </p>`;
}

/** Returns the choice of the key by which the items of arrays are matched. */
export function keyChooser(
  keys: string[],
  key: string | undefined,
  choose: (key: string) => void,
): TemplateResult | typeof nothing {
  if (keys.length < 2) return nothing;
  return html`<label class="row">
    ${say("compare.match-by")}
    <select @change=${(event: Event) => choose((event.target as HTMLSelectElement).value)}>
      <option value="" .selected=${live(!key)}>${say("compare.match-itself")}</option>
      ${keys.map((one) => html`<option .selected=${live(one === key)}>${one}</option>`)}
    </select>
  </label>`;
}

const SIGNS = { same: "", added: "+", removed: "−", changed: "", moved: "↕" } as const;

/** One side of a row. Words say what the colour shows, and unchanged lines are read once. */
function cell(place: "before" | "after", { kind }: Row, text: string | undefined, pieces?: Piece[]): TemplateResult {
  if (text === undefined) return html`<div class="cell ${place} nothing" aria-hidden="true"><span></span><span></span></div>`;
  const isOld = place === "before";
  const isChange = kind !== "same" && kind !== "moved";
  const sign = isChange ? (isOld ? "−" : "+") : SIGNS[kind];
  const word = isChange ? say(isOld ? "compare.removed" : "compare.added") : kind === "moved" ? say("compare.moved") : "";
  const isTwice = (kind === "same" && !isOld) || (kind === "moved" && isOld);
  return html`<div class="cell ${place} ${isChange ? (isOld ? "gone" : "come") : ""}" aria-hidden=${isTwice || nothing}>
    <span class="sign" aria-hidden="true">${sign}</span
    ><span>${word ? html`<span class="unseen">${word}: </span>` : nothing}${shown(text, pieces)}</span>
  </div>`;
}

const shown = (text: string, pieces: Piece[] | undefined): unknown =>
  pieces ? pieces.map(([part, differs]) => (differs ? html`<mark>${part}</mark>` : part)) : text;
