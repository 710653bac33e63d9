/** A list of the server, page by page. */

import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from "lit";
import { reasonOf, say } from "./texts/index.js";

export interface Page<T> {
  readonly items: readonly T[];
  readonly pageToken: string | null;
}

type Cursors = readonly (string | undefined | null)[];

/** Yields the pages of a list, one request for each. */
export async function* walk<P extends Page<unknown>>(
  ask: (cursor: string | undefined) => Promise<P>,
  from?: string,
): AsyncGenerator<P, void> {
  let cursor = from;
  do {
    const page = await ask(cursor);
    yield page;
    cursor = page.pageToken ?? undefined;
  } while (cursor);
}

/** Returns what is on all pages of a list. */
export async function every<T>(ask: (cursor: string | undefined) => Promise<Page<T>>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const { items } of walk(ask)) found.push(...items);
  return found;
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
  /** Arranges the rows when the shown page is asked for again, so that none moves under a pointer. */
  arrange: (now: readonly T[], before: readonly T[]) => readonly T[] = (now) => now;
  /** The cursors of the pages until the one that is shown. Null if nobody has asked for that page. */
  #cursors: Cursors = [undefined];
  /** The rows in the order of the server. */
  #answered: readonly T[] = [];
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

  /** The number of the shown page, from 1, and its cursor. With both, `at` shows it again. */
  get number(): number {
    return this.#cursors.length;
  }

  get cursor(): string | undefined {
    return this.#cursors.at(-1) ?? undefined;
  }

  /** How many rows there are until the end of the shown page, and whether that is the end. */
  get reached(): number {
    return (this.number - 1) * this.#size + this.items.length;
  }

  get isLast(): boolean {
    return !this.#next;
  }

  /** Shows the first page, for another order or filter. */
  first(): Promise<void> {
    return this.#load(() => [undefined]);
  }

  /** Shows the page of a cursor that was kept, such as in an address. */
  at(number: number, cursor: string | undefined): Promise<void> {
    if (number < 2 || !cursor) return this.first();
    return this.#load(() => [undefined, ...Array<null>(number - 2).fill(null), cursor]);
  }

  /** Asks for the shown page again. If it has become empty, shows the one before. */
  async again(): Promise<void> {
    await this.#load(() => this.#cursors, true);
    if (!this.items.length && !this.error && this.number > 1) await this.previous();
  }

  /** Shows the order of the server, once rows may move. */
  settle(): void {
    this.items = this.#answered;
    this.#host.requestUpdate();
  }

  next(): Promise<void> {
    return this.#load(() => [...this.#cursors, this.#next ?? undefined]);
  }

  previous(): Promise<void> {
    const before = this.#cursors.slice(0, -1);
    return this.#load(() => (before.at(-1) === null ? this.#walk(before.length) : before));
  }

  /** Finds the cursors until a page whose cursor nobody kept. One request for each page. */
  async #walk(number: number): Promise<Cursors> {
    const cursors: (string | undefined)[] = [undefined];
    for await (const { pageToken } of walk(this.#ask)) {
      if (!pageToken || cursors.push(pageToken) >= number) break;
    }
    return cursors;
  }

  /** A request that is made later wins, whatever is answered first. */
  async #load(find: () => Cursors | Promise<Cursors>, again = false): Promise<void> {
    const turn = ++this.#asked;
    this.isLoading = true;
    this.#host.requestUpdate();
    try {
      const cursors = await find();
      if (turn !== this.#asked) return;
      const page = await this.#ask(cursors.at(-1) ?? undefined);
      if (turn !== this.#asked) return;
      const items = again ? this.arrange(page.items, this.items) : page.items;
      Object.assign(this, { items, error: undefined, isKnown: true });
      this.#cursors = cursors;
      this.#next = page.pageToken;
      this.#answered = page.items;
    } catch (error) {
      if (turn !== this.#asked) return;
      this.error = reasonOf(error);
    }
    this.isLoading = false;
    this.#host.requestUpdate();
  }

  /** Returns the line below the list: where one is, and the ways on. `count` is of the whole list, if it is known.
   * Calls `turned` when a button has shown another page. */
  footer(count?: number, turned: () => void = () => undefined): TemplateResult | typeof nothing {
    if (this.error) {
      return html`<div class="row" role="alert">
        <span class="trouble spread">${say("failed", { reason: this.error })}</span>
        <button @click=${() => this.again()}>${say("try-again")}</button>
      </div>`;
    }
    if (!this.isKnown) return html`<p class="quiet empty" role="status">${say("loading")}</p>`;
    if (!this.items.length) return nothing;
    const range = { from: this.reached - this.items.length + 1, to: this.reached };
    // A button that is disabled loses the focus.
    const turn = (may: boolean, go: () => Promise<void>) => (): void => void (may && go().then(turned));
    const hasBefore = this.number > 1;
    return html`<nav class="row" part="pages">
      <span class="quiet spread" role="status">
        ${count === undefined ? say("page.range", range) : say("page.range-of", { ...range, count })}
      </span>
      <button aria-disabled=${!hasBefore} @click=${turn(hasBefore, () => this.previous())}>
        ${say("page.previous")}
      </button>
      <button aria-disabled=${this.isLast} @click=${turn(!this.isLast, () => this.next())}>
        ${say("page.next")}
      </button>
    </nav>`;
  }
}
