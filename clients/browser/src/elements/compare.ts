/** `<savepoint-compare>`: two texts side by side, to be read. JSON by structure, else by line. */

import { html, nothing, type CSSResultGroup, type PropertyDeclarations, type PropertyValues, type TemplateResult } from "lit";
import { comparer, oneInWords } from "./changes.js";
import { rowsLook } from "./compare-style.js";
import type { Comparison, Piece, Row } from "./difference/model.js";
import { define, SavepointElement } from "./element.js";
import { folded, type Part } from "./folding.js";
import { look } from "./style.js";
import { say, type Time } from "./texts/index.js";
import { time } from "./time.js";

/** One side of a comparison: a text, and what tells people which one it is. */
export interface Compared {
  text: string;
  label: string;
  version?: number | undefined;
  at?: Time | undefined;
}

/** Rows that are shown before a person asks for more. */
const ROWS = 600;

export class CompareElement extends SavepointElement {
  static override properties: PropertyDeclarations = {
    from: { attribute: false },
    to: { attribute: false },
    matchBy: { attribute: false },
  };
  static override styles: CSSResultGroup = [look, rowsLook];
  declare from: Compared | undefined;
  declare to: Compared | undefined;
  /** The key that tells objects in arrays apart. Undefined: `id`, or the like. */
  declare matchBy: string | undefined;
  #found: Comparison | undefined;
  #pieces: ((before: string, after: string) => [Piece[], Piece[]]) | undefined;
  #error: string | undefined;
  #unfolded = new Set<number>();
  #most = ROWS;
  #at = -1;
  #turn = 0;

  protected override willUpdate(changed: PropertyValues): void {
    if (["from", "to", "matchBy"].some((name) => changed.has(name))) void this.#compare();
  }

  async #compare(): Promise<void> {
    const { from, to } = this;
    if (!from || !to) return;
    const turn = ++this.#turn;
    try {
      const { compare, pieces } = await comparer();
      if (turn !== this.#turn) return;
      this.#found = compare(from.text, to.text, this.matchBy || undefined);
      this.#pieces = pieces;
      this.#error = undefined;
      this.#unfolded.clear();
      this.#most = ROWS;
      this.#at = this.#found.changes.length ? 0 : -1;
    } catch (error) {
      this.#error = error instanceof Error ? error.message : String(error);
    }
    this.requestUpdate();
    await this.updateComplete;
    this.#reveal();
  }

  /** Goes to the change before or after the one that is shown. */
  step(by: 1 | -1): void {
    const count = this.#found?.changes.length ?? 0;
    if (!count) return;
    this.#at = (this.#at + by + count) % count;
    while (this.#hasMore() && !this.#shown().some((part) => "row" in part && part.row.change === this.#at)) {
      this.#most += ROWS;
    }
    this.requestUpdate();
    void this.updateComplete.then(() => this.#reveal());
  }

  /** Scrolls the rows only, not the page. */
  #reveal(): void {
    const rows = this.query(".rows");
    const row = this.query(".now");
    if (rows && row) rows.scrollTop = row.offsetTop - rows.clientHeight / 4;
  }

  #all(): Part[] {
    return folded(this.#found?.rows ?? [], this.#unfolded);
  }

  #shown(): Part[] {
    return this.#all().slice(0, this.#most);
  }

  #hasMore(): boolean {
    return this.#all().length > this.#most;
  }

  #press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if ((event.target as HTMLElement).matches("select, input")) return;
    const back = event.key === "p" || (event.key === "F7" && event.shiftKey);
    if (!back && event.key !== "n" && event.key !== "F7") return;
    event.preventDefault();
    this.step(back ? -1 : 1);
  }

  protected override render(): TemplateResult {
    if (this.#error) return html`<p class="trouble" role="alert">${say("failed", { reason: this.#error })}</p>`;
    if (!this.#found || !this.from || !this.to) return html`<p class="quiet" role="status">${say("loading")}</p>`;
    return html`<div class="stack" @keydown=${this.#press}>
      <div class="sides">${side("compare.old", this.from)}${side("compare.new", this.to)}</div>
      ${this.#found.changes.length ? this.#differences(this.#found) : this.#nothing(this.#found)}
    </div>`;
  }

  #nothing({ isOnlyForm }: Comparison): TemplateResult {
    return html`<p class="empty quiet" role="status">${say(isOnlyForm ? "compare.only-form" : "compare.none")}</p>`;
  }

  #differences({ changes, keys }: Comparison): TemplateResult {
    const position = { at: this.#at + 1, count: changes.length };
    const what = oneInWords(changes[this.#at]!);
    return html`<div class="row">
        <span class="spread" role="status" part="position">${say("compare.position", position)}: ${what}</span>
        ${keys.length > 1 ? this.#chooser(keys) : nothing}
        <button aria-keyshortcuts="p Shift+F7" @click=${() => this.step(-1)}>${say("compare.previous")}</button>
        <button aria-keyshortcuts="n F7" @click=${() => this.step(1)}>${say("compare.next")}</button>
      </div>
      <ol class="rows" part="rows" tabindex="0" aria-label=${say("compare.rows")}>
        ${this.#parts()}
      </ol>`;
  }

  /** The first row of the current change is marked. */
  #parts(): unknown[] {
    let isFirst = true;
    const parts = this.#shown().map((part) => {
      if ("fold" in part) return this.#fold(part.fold, part.count);
      const isNow = part.row.change === this.#at;
      const isMarked = isNow && isFirst;
      if (isNow) isFirst = false;
      return this.#row(part.row, isMarked, isNow);
    });
    if (this.#hasMore()) {
      const more = (): void => {
        this.#most += ROWS;
        this.requestUpdate();
      };
      parts.push(html`<li class="fold"><button @click=${more}>${say("compare.more")}</button></li>`);
    }
    return parts;
  }

  #fold(first: number, count: number): TemplateResult {
    const unfold = (): void => {
      this.#unfolded.add(first);
      this.requestUpdate();
      void this.updateComplete.then(() => this.query(".rows")?.focus());
    };
    return html`<li class="fold"><button @click=${unfold}>${say("compare.folded", { count })}</button></li>`;
  }

  #row(row: Row, isMarked: boolean, isNow: boolean): TemplateResult {
    const { kind, before, after } = row;
    const isBoth = kind === "changed" && before !== undefined && after !== undefined;
    const [old, now] = isBoth ? this.#pieces!(before, after) : [undefined, undefined];
    return html`<li class="${kind} ${isNow ? "now" : ""}" aria-current=${isMarked ? "true" : nothing}>
      ${cell("before", row, before, old)}${cell("after", row, after, now)}
      ${kind === "moved" && isNow && isMarked ? this.#from(row) : nothing}
    </li>`;
  }

  #from({ change }: Row): TemplateResult {
    return html`<span class="place cell"><span></span><span>${oneInWords(this.#found!.changes[change!]!)}</span></span>`;
  }

  #chooser(keys: string[]): TemplateResult {
    const choose = (event: Event): void => {
      this.matchBy = (event.target as HTMLSelectElement).value;
    };
    return html`<label class="row">
      ${say("compare.match-by")}
      <select @change=${choose}>
        <option value="">${say("compare.match-itself")}</option>
        ${keys.map((key) => html`<option ?selected=${key === this.matchBy}>${key}</option>`)}
      </select>
    </label>`;
  }
}

function side(key: "compare.old" | "compare.new", { label, version, at }: Compared): TemplateResult {
  return html`<p>
    <span class="unseen">${say(key)}</span> <b>${label}</b>
    ${version === undefined ? nothing : html`<span class="quiet">${say("compare.version", { version: String(version) })}</span>`}
    ${at === undefined ? nothing : time(at)}
  </p>`;
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

define("savepoint-compare", CompareElement);
