/** What is selected in a list, over all its pages. */

import type { ReactiveControllerHost } from "lit";

/** What is needed of a row after it is gone from the page. */
export interface Named {
  readonly id: string;
  readonly title: string;
}

export class Selection {
  readonly #chosen = new Map<string, Named>();
  readonly #host: ReactiveControllerHost;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#chosen.size;
  }

  get all(): readonly Named[] {
    return [...this.#chosen.values()];
  }

  has(id: string): boolean {
    return this.#chosen.has(id);
  }

  /** Returns how many rows of a page are selected. */
  within(rows: readonly Named[]): number {
    return rows.filter(({ id }) => this.has(id)).length;
  }

  put(rows: readonly Named[], isChosen: boolean): void {
    for (const row of rows) {
      if (isChosen) this.#chosen.set(row.id, row);
      else this.#chosen.delete(row.id);
    }
    this.#host.requestUpdate();
  }

  clear(): void {
    this.#chosen.clear();
    this.#host.requestUpdate();
  }
}
