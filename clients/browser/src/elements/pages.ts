/** A list of the server, page by page. */

import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from "lit";
import { say } from "./texts/index.js";

interface Page<T> {
  readonly items: readonly T[];
  readonly pageToken: string | null;
}

/** The page of a list that is shown. The rows stay until the next ones are there, and a late answer changes nothing. */
export class Pages<T> implements ReactiveController {
  items: readonly T[] = [];
  /** True after the first answer: until then nobody knows whether the list is empty. */
  isKnown = false;
  isLoading = false;
  /** Why the last request failed. The rows are those of before. */
  error: string | undefined;
  readonly #host: ReactiveControllerHost;
  readonly #ask: (cursor: string | undefined) => Promise<Page<T>>;
  readonly #size: number;
  /** The cursors of the pages until the one that is shown. */
  #cursors: (string | undefined)[] = [undefined];
  #next: string | null = null;
  #asked = 0;

  constructor(host: ReactiveControllerHost, size: number, ask: (cursor: string | undefined) => Promise<Page<T>>) {
    this.#host = host;
    this.#size = size;
    this.#ask = ask;
    host.addController(this);
  }

  hostConnected(): void {
    // The host loads when it has a server.
  }

  get isEmpty(): boolean {
    return this.isKnown && !this.error && this.items.length === 0 && this.#cursors.length === 1;
  }

  /** Shows the first page, for another order or filter. */
  first(): Promise<void> {
    return this.#load([undefined]);
  }

  /** Asks for the shown page again. If it has become empty, shows the one before. */
  async again(): Promise<void> {
    await this.#load(this.#cursors);
    if (!this.items.length && this.#cursors.length > 1) await this.previous();
  }

  next(): Promise<void> {
    return this.#load([...this.#cursors, this.#next ?? undefined]);
  }

  previous(): Promise<void> {
    return this.#load(this.#cursors.slice(0, -1));
  }

  async #load(cursors: (string | undefined)[]): Promise<void> {
    const turn = ++this.#asked;
    this.isLoading = true;
    this.#host.requestUpdate();
    try {
      const page = await this.#ask(cursors.at(-1));
      if (turn !== this.#asked) return;
      Object.assign(this, { items: page.items, error: undefined, isKnown: true });
      this.#cursors = cursors;
      this.#next = page.pageToken;
    } catch (error) {
      if (turn !== this.#asked) return;
      this.error = error instanceof Error ? error.message : String(error);
    }
    this.isLoading = false;
    this.#host.requestUpdate();
  }

  /** Returns the line below the list: where one is, and the ways on. `count` is of the whole list, if it is known. */
  footer(count?: number): TemplateResult | typeof nothing {
    if (this.error) {
      return html`<div class="row" role="alert">
        <span class="trouble spread">${say("failed", { reason: this.error })}</span>
        <button @click=${() => this.again()}>${say("try-again")}</button>
      </div>`;
    }
    if (!this.isKnown) return html`<p class="quiet empty" role="status">${say("loading")}</p>`;
    if (!this.items.length) return nothing;
    const before = (this.#cursors.length - 1) * this.#size;
    const range = { from: before + 1, to: before + this.items.length };
    return html`<nav class="row" part="pages">
      <span class="quiet spread" role="status">
        ${count === undefined ? say("page.range", range) : say("page.range-of", { ...range, count })}
      </span>
      <button ?disabled=${this.#cursors.length < 2} @click=${() => this.previous()}>${say("page.previous")}</button>
      <button ?disabled=${!this.#next} @click=${() => this.next()}>${say("page.next")}</button>
    </nav>`;
  }
}
