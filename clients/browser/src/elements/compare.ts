/** `<savepoint-compare>`: two texts side by side, to be read. JSON by structure, else by line. */

import { html, nothing, type CSSResultGroup, type PropertyDeclarations, type PropertyValues, type TemplateResult } from "lit";
import { comparer, oneInWords } from "./changes.js";
import { keyChooser, rowOf, sideOf, type Compared } from "./compare-rows.js";
import { rowsLook } from "./compare-style.js";
import type { Comparison, Piece } from "./difference/model.js";
import { define, SavepointElement } from "./element.js";
import { folded, type Part } from "./folding.js";
import { placeOf, without } from "./hiding.js";
import { look } from "./style.js";
import { reasonOf, say } from "./texts/index.js";

/** Rows that are shown before a person asks for more. */
const ROWS = 600;

export type { Compared };

/** Apps write these as literals, which are new objects each time. */
const isOther = (now: Compared | undefined, before: Compared | undefined): boolean =>
  JSON.stringify(now) !== JSON.stringify(before);

export class CompareElement extends SavepointElement {
  static override properties: PropertyDeclarations = {
    from: { attribute: false, hasChanged: isOther },
    to: { attribute: false, hasChanged: isOther },
    matchBy: { attribute: false },
  };
  static override styles: CSSResultGroup = [look, rowsLook];
  declare from: Compared | undefined;
  declare to: Compared | undefined;
  /** The key that tells objects in arrays apart. Undefined: `id`, or the like. */
  declare matchBy: string | undefined;
  #whole: Comparison | undefined;
  /** What is shown of it. */
  #found: Comparison | undefined;
  #hidden = new Set<string>();
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
      this.#whole = compare(from.text, to.text, this.matchBy || undefined);
      this.#pieces = pieces;
      this.#error = undefined;
      this.#view();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#error = reasonOf(error);
    }
    this.requestUpdate();
    await this.updateComplete;
    this.#reveal();
  }

  /** Begins at the first change that is not hidden. */
  #view(): void {
    this.#found = without(this.#whole!, this.#hidden);
    this.#unfolded.clear();
    this.#most = ROWS;
    this.#at = this.#found.changes.length ? 0 : -1;
    this.requestUpdate();
  }

  #hide(place: string | undefined): void {
    if (place === undefined) this.#hidden.clear();
    else this.#hidden.add(place);
    this.#view();
    void this.updateComplete.then(() => (this.query(".rows") ?? this.query(".show"))?.focus());
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
      <div class="sides">${sideOf("compare.old", this.from)}${sideOf("compare.new", this.to)}</div>
      ${this.#hidden.size ? this.#shows() : nothing}
      ${this.#found.changes.length ? this.#differences(this.#found) : this.#nothing(this.#found)}
    </div>`;
  }

  #nothing({ isOnlyForm }: Comparison): TemplateResult {
    if (this.#hidden.size) return html`<p class="empty quiet" role="status">${say("compare.none-else")}</p>`;
    return html`<p class="empty quiet" role="status">${say(isOnlyForm ? "compare.only-form" : "compare.none")}</p>`;
  }

  #shows(): TemplateResult {
    return html`<p class="row">
      <span class="quiet">${say("compare.hidden", { count: this.#hidden.size })}</span>
      <button class="show" @click=${() => this.#hide(undefined)}>${say("compare.show")}</button>
    </p>`;
  }

  #differences({ changes, keys }: Comparison): TemplateResult {
    const position = { at: this.#at + 1, count: changes.length };
    const what = oneInWords(changes[this.#at]!);
    return html`<p role="status" part="position">${say("compare.position", position)}: ${what}</p>
      <div class="row">
        ${keyChooser(keys, this.matchBy, (key) => {
          this.matchBy = key;
        })}
        ${changes[this.#at]!.path.length
          ? html`<button @click=${() => this.#hide(placeOf(changes[this.#at]!))}>${say("compare.hide")}</button>`
          : nothing}
        <button aria-keyshortcuts="p Shift+F7" @click=${() => this.step(-1)}>${say("compare.previous")}</button>
        <button aria-keyshortcuts="n F7" @click=${() => this.step(1)}>${say("compare.next")}</button>
      </div>
      <ol class="rows" part="rows" tabindex="0" aria-label=${say("compare.rows")}>
        ${this.#parts()}
      </ol>`;
  }

  #parts(): unknown[] {
    let last: number | undefined;
    const parts = this.#shown().map((part) => {
      if ("fold" in part) return this.#fold(part.fold, part.count);
      const { change } = part.row;
      const isFirst = change !== last;
      last = change;
      const words = isFirst && part.row.kind === "moved" ? oneInWords(this.#found!.changes[change!]!) : undefined;
      return rowOf(part.row, this.#pieces!, { isNow: change === this.#at, isFirst, words });
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
}

define("savepoint-compare", CompareElement);
