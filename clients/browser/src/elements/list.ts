/** What all lists do: search, sort, filter and page, select, and keep the focus when a row goes. */

import { html, nothing, type CSSResultGroup, type PropertyValues, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import type { Server } from "../server.js";
import type { Amounts } from "../wire.gen.js";
import { SavepointElement, type View } from "./element.js";
import { failures, type Outcome } from "./many.js";
import { Pages, type Page } from "./pages.js";
import { rowsStyle } from "./rows-style.js";
import { rowsOf, type Column } from "./rows.js";
import { Selection, type Named } from "./selection.js";
import { look } from "./style.js";
import { say } from "./texts/index.js";

export const PAGE_SIZE = 50;
const TYPING_MS = 250;

/** `Row` is what the server has, `Shown` what the table shows of it. */
export abstract class ListElement<Row extends Named, Shown extends Named = Row> extends SavepointElement {
  static override properties = { server: { attribute: false }, view: { attribute: false } };
  static override styles: CSSResultGroup = [look, rowsStyle];
  declare server: Server | undefined;
  /** What is shown. `savepoint-view` tells each change. */
  declare view: View;
  protected readonly pages: Pages<Row> = new Pages<Row>(this, PAGE_SIZE, (cursor) => this.load(cursor));
  protected readonly chosen: Selection = new Selection(this);
  protected outcome: Outcome | undefined;
  #typed: string | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #shown = "";
  /** True if the answer to what is shown was that there is nothing at all. */
  #isNothing = false;

  constructor() {
    super();
    this.view = {};
    this.pages.arrange = (now, before) => (this.#isHeld() ? inPlace(now, before) : now);
  }

  /** Returns a page of the server. */
  protected abstract load(cursor: string | undefined): Promise<Page<Row>>;
  protected abstract label(): string;
  protected abstract columns(): readonly Column<Shown>[];
  /** The buttons of a row. */
  protected abstract actions(row: Shown, index: number): unknown;
  /** What is shown if there is nothing, and no search or filter. */
  protected abstract nothing(): TemplateResult;
  /** What stands beside the search, and what is done with the selected rows. */
  protected filters(): unknown {
    return nothing;
  }
  /** What stands above it all, if there are rows or filters. */
  protected above(): unknown {
    return nothing;
  }
  protected bar(): unknown {
    return nothing;
  }
  /** The order without a choice. Undefined if the list cannot be sorted. */
  protected get order(): string | undefined {
    return undefined;
  }
  protected readonly hasSelection: boolean = false;
  protected readonly hasSearch: boolean = true;
  /** The number of all rows without search and filters, if it is known. */
  protected total: number | undefined;
  /** The rows that are shown of the page. */
  protected get rows(): readonly Shown[] {
    return this.pages.items as readonly Named[] as readonly Shown[];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // Its own changes are shown by `without`.
    this.onChanges(() => this.refresh());
    this.until(() => this.#stopTyping());
  }

  /** Asks the server again. Rows under a pointer or the focus stay where they are. */
  async refresh(): Promise<void> {
    if (this.server && this.pages.isKnown) await this.pages.again();
  }

  /** Changes what is shown, from the first page on. An empty value is as none. */
  protected change(values: Record<string, string>): void {
    const { page: _page, cursor: _cursor, ...rest } = this.view;
    // What is just being typed is not lost by it.
    const typed = this.#typing === undefined ? {} : { search: this.#typed?.trim() ?? "" };
    this.#stopTyping();
    const all = Object.entries({ ...rest, ...typed, ...values }).filter(([, value]) => value);
    this.view = Object.fromEntries(all);
    // What is selected and not shown would be deleted unseen.
    this.chosen.clear();
    this.tell("savepoint-view", { view: this.view });
  }

  protected get isFiltered(): boolean {
    return Object.keys(this.view).some((key) => !["sort", "page", "cursor"].includes(key));
  }

  protected override willUpdate(changed: PropertyValues): void {
    const view = JSON.stringify(this.view);
    if (!this.server || (view === this.#shown && !changed.has("server"))) return;
    if (this.#typing === undefined && this.view.search !== this.#typed?.trim()) this.#typed = undefined;
    this.#shown = view;
    void this.pages.at(Number(this.view.page ?? 1), this.view.cursor);
  }

  /** Keeps in the view which page is shown, after a button has turned it. */
  readonly #turned = (): void => {
    const { page: _page, cursor: _cursor, ...rest } = this.view;
    const { number, cursor } = this.pages;
    this.view = cursor ? { ...rest, page: String(number), cursor } : rest;
    this.#shown = JSON.stringify(this.view);
    this.tell("savepoint-view", { view: this.view });
    if (this.getBoundingClientRect().top < 0) this.scrollIntoView({ block: "start" });
  };

  readonly #type = (event: Event): void => {
    this.#typed = (event.target as HTMLInputElement).value;
    this.#stopTyping();
    this.#typing = setTimeout(() => this.change({}), TYPING_MS);
  };

  #stopTyping(): void {
    clearTimeout(this.#typing);
    this.#typing = undefined;
  }

  /** Sets the focus to the row that is now where one was, or else to the search. */
  protected async focusRow(index: number): Promise<void> {
    await this.updateComplete;
    const rows = this.renderRoot.querySelectorAll<HTMLElement>("[data-row] [data-first]");
    this.refocus(rows[Math.min(index, rows.length - 1)] ?? this.query("[data-else]"));
  }

  /** Asks how much a person keeps. It is only to be read, so a list does without it. */
  protected async measure(then: (used: Amounts) => void): Promise<void> {
    try {
      const usage = await this.server?.usage();
      if (usage) then(usage.used);
    } catch {
      return; // the list itself says what is wrong
    }
    this.requestUpdate();
  }

  /** Says that something has changed, and shows the list without the rows that are gone. */
  protected async without(index: number): Promise<void> {
    this.tell("savepoint-changed", null);
    await this.pages.again();
    await this.focusRow(index);
  }

  /** Rows must not move under a pointer. Moving the one with the focus would lose the focus. */
  #isHeld(): boolean {
    return this.matches(":hover, :focus-within");
  }

  readonly #release = (): void => {
    requestAnimationFrame(() => this.#isHeld() || this.pages.settle());
  };

  /** Returns how many are selected, and the way to drop that. `busy` is said instead while something is done. */
  protected selected(busy = ""): TemplateResult {
    const count = this.chosen.size;
    const hidden = count - this.chosen.within(this.rows);
    const words = hidden ? say("list.chosen-hidden", { count, hidden }) : say("list.chosen", { count });
    const clear = (): void => {
      this.chosen.clear();
      void this.focusRow(0);
    };
    return html`<span class="spread" role="status">${busy || (count ? words : say("list.chosen-none"))}</span>
      <button ?disabled=${!count} @click=${clear}>${say("list.choose-none")}</button>`;
  }

  #tools(): TemplateResult {
    return html`${this.above()}
      <div class="row" role="search">${this.hasSearch ? this.#search() : nothing} ${this.filters()}</div>
      ${this.hasSelection ? html`<div class="row bar" part="bar">${this.bar()}</div>` : nothing}`;
  }

  protected override render(): TemplateResult {
    const dismiss = (): void => {
      this.outcome = undefined;
      this.requestUpdate();
      void this.focusRow(0);
    };
    // Until the answer is there, nobody knows.
    if (!this.pages.isLoading || this.isFiltered) this.#isNothing = this.pages.isEmpty && !this.isFiltered;
    const count = this.pages.isLast ? this.pages.reached : this.isFiltered ? undefined : this.total;
    return html`<div class="stack" @pointerleave=${this.#release} @focusout=${this.#release}>
      ${this.#isNothing ? html`<div class="empty stack">${this.nothing()}</div>` : this.#tools()}
      <div role="alert">${failures(this.outcome, dismiss)}</div>
      ${this.trouble()}
      ${this.rows.length ? this.#table() : this.#none()} ${this.pages.footer(count, this.#turned)}
    </div>`;
  }

  #search(): TemplateResult {
    return html`<input
      type="search"
      data-else
      aria-label=${say("list.search")}
      placeholder=${say("list.search")}
      .value=${live(this.#typed ?? this.view.search ?? "")}
      @input=${this.#type}
    />`;
  }

  #none(): TemplateResult | typeof nothing {
    if (!this.pages.isKnown || this.pages.error || !this.isFiltered) return nothing;
    const clear = (): void => {
      this.#typed = undefined;
      this.change(Object.fromEntries(Object.keys(this.view).map((key) => [key, ""])));
      void this.focusRow(0);
    };
    return html`<div class="empty stack" role="status">
      <p>${say("list.none")}</p>
      <div><button @click=${clear}>${say("list.clear")}</button></div>
    </div>`;
  }

  #table(): TemplateResult {
    return rowsOf<Shown>({
      label: this.label(),
      rows: this.rows,
      columns: this.columns(),
      chosen: this.hasSelection ? this.chosen : undefined,
      actions: (row, index) => this.actions(row, index),
      ...(this.order
        ? { sort: this.view.sort ?? this.order, sorted: (sort) => this.change({ sort: sort === this.order ? "" : sort }) }
        : {}),
    });
  }
}

/** Returns the new rows in the places that they had. New ones come last. */
function inPlace<Row extends Named>(now: readonly Row[], before: readonly Row[]): readonly Row[] {
  const left = new Map(now.map((row) => [row.id, row]));
  const stayed = before.flatMap(({ id }) => left.get(id) ?? []);
  stayed.forEach(({ id }) => left.delete(id));
  return [...stayed, ...left.values()];
}
