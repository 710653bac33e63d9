/** Everything that matches a search, over all pages: to select it at once. */

import { walk, type Page } from "./pages.js";
import type { Named } from "./selection.js";

export class Matching {
  /** What was found. Undefined until the last page is there. */
  found: readonly Named[] | undefined;
  readonly #ask: (cursor: string | undefined) => Promise<Page<Named>>;
  readonly #done: () => void;
  #rows: Promise<readonly Named[]> | undefined;
  #turn = 0;

  constructor(ask: (cursor: string | undefined) => Promise<Page<Named>>, done: () => void) {
    this.#ask = ask;
    this.#done = done;
  }

  /** Another search, or something is gone. */
  forget(): void {
    this.found = this.#rows = undefined;
    this.#turn++;
  }

  /** Begins to count. If it fails, `all` says why. */
  begin(): void {
    this.all().catch(() => undefined);
  }

  /** Returns everything, with one request for each page. The second call asks nothing, unless the first failed. */
  all(): Promise<readonly Named[]> {
    return (this.#rows ??= this.#gather());
  }

  async #gather(): Promise<readonly Named[]> {
    const turn = this.#turn;
    const rows: Named[] = [];
    for await (const { items } of walk(this.#ask)) {
      rows.push(...items.map(({ id, title }) => ({ id, title })));
      if (turn !== this.#turn) break;
    }
    if (turn !== this.#turn) return [];
    this.found = rows;
    this.#done();
    return rows;
  }
}
