/** What is shown of one version. */

import { html, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import type { RevisionMetadata } from "../wire.gen.js";
import type { Compared } from "./compare.js";
import { keptInWords, lifeInWords } from "./history-rows.js";
import { exactly, say } from "./texts/index.js";
import { outlives, type Versions } from "./versions.js";

const NAME_MAX = 60;

/** Returns the comparison, with the older side on the left. `other` is undefined for the screen. */
export function comparisonOf(
  one: RevisionMetadata,
  text: string,
  other: RevisionMetadata | undefined,
  otherText: string,
): TemplateResult {
  const side = ({ version, savedAt, deviceInfo }: RevisionMetadata, text: string): Compared => ({
    ...{ text, version, at: savedAt, label: deviceInfo ?? say("history.version-label") },
  });
  const shown = side(one, text);
  const beside = other ? side(other, otherText) : { text: otherText, label: say("history.screen") };
  const [from, to] = other && other.version < one.version ? [beside, shown] : [shown, beside];
  return html`<savepoint-compare .from=${from} .to=${to}></savepoint-compare>`;
}

/** What a version is compared with: what is on the screen, nothing, or another version. */
export type Other = "screen" | "none" | number;

/** Returns the choice of what to compare with. */
export function otherChooser(
  one: RevisionMetadata,
  all: readonly RevisionMetadata[],
  chosen: Other,
  choose: (other: Other) => void,
): TemplateResult {
  const option = (other: Other, words: string): TemplateResult =>
    html`<option value=${other} .selected=${live(other === chosen)}>${words}</option>`;
  const change = (event: Event): void => {
    const { value } = event.target as HTMLSelectElement;
    choose(value === "screen" || value === "none" ? value : Number(value));
  };
  const others = all.filter(({ version }) => version !== one.version);
  return html`<label class="row">
    ${say("history.compare-with")}
    <select @change=${change}>
      ${option("screen", say("history.screen"))}${option("none", say("history.nothing"))}
      ${others.map(({ version, savedAt }) =>
        option(version, say("history.option", { version: String(version), when: exactly(savedAt) })),
      )}
    </select>
  </label>`;
}

/** Returns how long a version stays, in words. */
export function lifeOf(one: RevisionMetadata, versions: Versions): string {
  if (one.name !== null) return keptInWords(versions);
  const count = outlives(one, versions);
  return count === undefined ? "" : lifeInWords(count);
}

export const nameForm = ({ name }: RevisionMetadata, submit: (event: SubmitEvent) => unknown): TemplateResult =>
  html`<form class="row" @submit=${submit}>
    <label class="row">
      ${say("history.name-label")}
      <input name="name" required maxlength=${NAME_MAX} .value=${name ?? ""} />
    </label>
    <button class="main">${say("history.name-save")}</button>
  </form>`;
