/** `<savepoint-merge>`: both sides of a conflict, merged piece by piece. Changes nothing before `finish`. */

import { html, nothing, type CSSResultGroup, type TemplateResult } from "lit";
import type { DocumentState } from "../view.js";
import { comparer, oneInWords, placeInWords } from "./changes.js";
import "./compare.js";
import type { Merge, Overlap, Side } from "./difference/model.js";
import { define, DocumentElement } from "./element.js";
import { mergeLook } from "./merge-style.js";
import { look } from "./style.js";
import { reasonOf, say } from "./texts/index.js";

const SIDES: readonly Side[] = ["mine", "theirs"];

export class MergeElement extends DocumentElement {
  static override styles: CSSResultGroup = [look, mergeLook];
  #merge: Merge | undefined;
  #choices: (Side | undefined)[] = [];
  #hasBase = true;
  #error: string | undefined;
  /** What is merged. Another conflict begins anew. */
  #of = "";

  protected override follow({ conflict }: DocumentState): void {
    const of = conflict ? `${conflict.etag} ${conflict.mine}` : "";
    if (of === this.#of) return;
    this.#of = of;
    this.#merge = this.#error = undefined;
    if (conflict) void this.#prepare(of);
  }

  async #prepare(of: string): Promise<void> {
    const { mine, theirs } = this.state!.conflict!;
    try {
      const [{ merge }, base] = await Promise.all([comparer(), this.#base()]);
      if (of !== this.#of) return;
      this.#merge = merge(base, mine, theirs);
      this.#hasBase = base !== undefined;
      this.#choices = this.#merge.overlaps.map(() => undefined);
      this.#error = undefined;
    } catch (error) {
      if (of !== this.#of) return;
      this.#error = reasonOf(error);
    }
    this.requestUpdate();
  }

  /** Returns what both began from. Undefined if it is not in the history any more. */
  async #base(): Promise<string | undefined> {
    const { conflict, version } = this.state!;
    if (conflict?.base !== undefined) return conflict.base;
    if (version === undefined || version === conflict?.version) return undefined;
    try {
      return (await this.doc!.revision(version)).content;
    } catch (error) {
      if ((error as { status?: number }).status === 404) return undefined;
      throw error;
    }
  }

  get #decided(): number {
    return this.#choices.filter(Boolean).length;
  }

  /** Saves what is merged, if all is decided. Else goes to what is open. Returns whether it was saved. */
  async finish(): Promise<boolean> {
    if (!this.#merge || !this.doc) return false;
    const open = this.#choices.findIndex((choice) => !choice);
    if (open >= 0) {
      this.query(`[name="overlap-${open}"]`)?.focus();
      return false;
    }
    const state = await this.doc.resolve({ text: this.#merge.result(this.#choices as Side[]) });
    return state.status !== "conflict";
  }

  protected override render(): TemplateResult | typeof nothing {
    const conflict = this.state?.conflict;
    if (!conflict) return nothing;
    if (this.#error) {
      return html`<p class="trouble" role="alert">${say("failed", { reason: this.#error })}</p>`;
    }
    const { title, version, at, mine, theirs, device } = conflict;
    const label = device ? `${say("merge.side-theirs")}, ${device}` : say("merge.side-theirs");
    return html`<div class="stack">
      ${this.#merge ? this.#questions(this.#merge) : html`<p role="status">${say("merge.loading")}</p>`}
      <savepoint-compare
        aria-label=${title}
        .from=${{ text: theirs, label, version, at }}
        .to=${{ text: mine, label: say("merge.side-mine") }}
      ></savepoint-compare>
    </div>`;
  }

  #questions({ overlaps, merged }: Merge): TemplateResult {
    const progress = { decided: this.#decided, count: overlaps.length };
    return html`<div class="row">
        <span class="spread" role="status">
          ${overlaps.length ? say("merge.decided", progress) : say("merge.nothing-asked")}
        </span>
        ${overlaps.length ? SIDES.map((side) => this.#all(side)) : nothing}
      </div>
      ${this.#hasBase ? nothing : html`<p class="quiet">${say("merge.no-base")}</p>`}
      ${overlaps.map((overlap, at) => this.#question(overlap, at))}
      ${merged.length ? this.#merged(merged) : nothing}`;
  }

  #all(side: Side): TemplateResult {
    const choose = (): void => {
      this.#choices = this.#choices.map(() => side);
      this.requestUpdate();
    };
    return html`<button @click=${choose}>${say(`merge.all-${side}`)}</button>`;
  }

  #question(overlap: Overlap, at: number): TemplateResult {
    const { names, base } = overlap;
    const place = names.length ? placeInWords(names) : say("merge.line", { at: at + 1 });
    return html`<fieldset class=${this.#choices[at] ? "" : "open"}>
      <legend>${place}</legend>
      ${base === undefined ? nothing : html`<p class="quiet">${say("merge.was", { value: base })}</p>`}
      ${SIDES.map((side) => this.#choice(overlap, at, side))}
    </fieldset>`;
  }

  #choice(overlap: Overlap, at: number, side: Side): TemplateResult {
    const choose = (): void => {
      this.#choices[at] = side;
      this.requestUpdate();
    };
    return html`<label>
      <input type="radio" name="overlap-${at}" .checked=${this.#choices[at] === side} @change=${choose} />
      <b>${say(`merge.${side}`)}</b>
      <pre>${overlap[side] ?? say("merge.absent")}</pre>
    </label>`;
  }

  #merged(merged: Merge["merged"]): TemplateResult {
    return html`<details>
      <summary>${say("merge.merged", { count: merged.length })}</summary>
      <ul>
        ${merged.map(({ side, change }) => html`<li>${say(`merge.${side}`)}: ${oneInWords(change)}</li>`)}
      </ul>
    </details>`;
  }
}

define("savepoint-merge", MergeElement);
