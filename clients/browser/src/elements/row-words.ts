/** What changed in the rows of a history, read when a row comes into view. */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { RevisionMetadata } from "../wire.gen.js";
import { inWords, type Change } from "./changes.js";
import { placeOf } from "./hiding.js";
import { say } from "./texts/index.js";
import type { Texts } from "./versions.js";

export class RowWords implements ReactiveController {
  /** By the versions of the row. */
  readonly #changes = new Map<string, Change[] | "loading" | "first">();
  readonly #host: ReactiveControllerHost;
  #texts: Texts | undefined;
  #all: readonly RevisionMetadata[] = [];
  #rows: readonly HTMLElement[] = [];
  #seen: IntersectionObserver | undefined;
  /** The place whose changes alone are told. */
  #place: string | undefined;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    this.#seen = new IntersectionObserver((all) => {
      for (const { isIntersecting, target } of all) if (isIntersecting) void this.#read(target as HTMLElement);
    });
  }

  hostDisconnected(): void {
    this.#seen?.disconnect();
  }

  /** Begins with another document. */
  begin(texts: Texts): void {
    this.#texts = texts;
    this.#changes.clear();
    this.#place = undefined;
  }

  /** Tells only what changed at one place, also in rows that are not in view. Undefined: everything. */
  pick(place: string | undefined): void {
    this.#place = place;
    if (place !== undefined) this.#rows.forEach((row) => void this.#read(row));
    this.#host.requestUpdate();
  }

  /** Whether a row changed the place that is picked. */
  isMarked(newest: number, oldest: number): boolean {
    return this.#place !== undefined && this.#told(newest, oldest).length > 0;
  }

  #told(newest: number, oldest: number): readonly Change[] {
    const found = this.#changes.get(`${newest} ${oldest}`);
    if (!Array.isArray(found)) return [];
    const place = this.#place;
    return place === undefined ? found : found.filter((change) => isWithin(placeOf(change), place));
  }

  /** Looks after rows. `data-version` is the newest version of a row, `data-oldest` its oldest one. */
  watch(rows: Iterable<HTMLElement>, all: readonly RevisionMetadata[]): void {
    this.#all = all;
    this.#rows = [...rows];
    for (const row of rows) {
      if (this.#changes.has(keyOf(row))) continue;
      this.#seen?.unobserve(row); // rows are used again for other versions
      this.#seen?.observe(row);
    }
  }

  of(newest: number, oldest: number): string {
    const found = this.#changes.get(`${newest} ${oldest}`) ?? "loading";
    if (found === "first") return say("history.first");
    const told = this.#told(newest, oldest);
    return found === "loading" || (this.#place !== undefined && !told.length) ? "" : inWords(told);
  }

  async #read(row: HTMLElement): Promise<void> {
    const key = keyOf(row);
    const at = (wanted: number): number => this.#all.findIndex((one) => one.version === wanted);
    const after = this.#all[at(Number(row.dataset.version))];
    const before = this.#all[at(Number(row.dataset.oldest)) + 1];
    const texts = this.#texts;
    if (!after || !texts || this.#changes.has(key)) return;
    this.#changes.set(key, "loading");
    try {
      const found = before ? await texts.changes(before, after) : "first";
      if (texts === this.#texts) this.#changes.set(key, found); // else it is of another document
    } catch {
      if (texts === this.#texts) this.#changes.delete(key); // read again when the row comes into view again
    }
    this.#host.requestUpdate();
  }
}

const keyOf = ({ dataset }: HTMLElement): string => `${dataset.version} ${dataset.oldest}`;

/** A place changes with what it is within, and with what is within it. */
const isWithin = (one: string, other: string): boolean =>
  one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
