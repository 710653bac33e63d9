/** `<savepoint-trash>`: what was deleted, newest first, until it is deleted for good. */

import { html, nothing, type TemplateResult } from "lit";
import type { Trashed } from "../wire.gen.js";
import { ConfirmElement } from "./confirm.js";
import { define } from "./element.js";
import { ListElement, PAGE_SIZE } from "./list.js";
import { changed, forEach, oneOrMany, trashAll, type Outcome } from "./many.js";
import { walk, type Page } from "./pages.js";
import type { Column } from "./rows.js";
import type { Named } from "./selection.js";
import { bytes, say, titleOf } from "./texts/index.js";
import { time } from "./time.js";

/** The server cannot search the trash. A search looks at this many pages of 100, the newest. */
const SEARCHED_PAGES = 10;

export class TrashElement extends ListElement<Trashed> {
  protected override readonly hasSelection = true;
  #bytes: number | undefined;
  #progress = "";

  protected override async load(cursor: string | undefined): Promise<Page<Trashed>> {
    const server = this.server;
    if (!server) return { items: [], pageToken: null };
    if (!cursor) void this.#measure();
    const { search } = this.view;
    if (!search) return server.trash.list({ page_size: PAGE_SIZE, ...(cursor ? { cursor } : {}) });
    const found: Trashed[] = [];
    let left = SEARCHED_PAGES;
    const ask = (next: string | undefined) => server.trash.list({ page_size: 100, ...(next ? { cursor: next } : {}) });
    for await (const { items } of walk(ask)) {
      found.push(...items.filter(({ title }) => title.toLowerCase().includes(search.toLowerCase())));
      if (!--left) break;
    }
    return { items: found, pageToken: null };
  }

  #measure(): Promise<void> {
    return this.measure((used) => (this.#bytes = used.trashBytes));
  }

  protected override label(): string {
    return say("trash.label");
  }

  protected override columns(): readonly Column<Trashed>[] {
    return [
      { key: "title", label: say("list.title"), cell: ({ title }) => html`<strong>${titleOf(title)}</strong>` },
      { key: "deleted", label: say("trash.deleted"), cell: (row) => html`<span class="small">${say("trash.deleted")}</span> ${time(row.trashedAt)}` },
      { key: "left", label: say("trash.purged"), cell: (row) => html`<span class="small">${say("trash.purged")}</span> ${time(row.purgesAt)}` },
      { key: "device", label: say("list.device"), cell: (row) => row.deviceInfo ?? "" },
      { key: "size", label: say("list.size"), cell: (row) => bytes(row.contentBytes) },
      { key: "status", label: say("trash.back-as"), wide: true, cell: (row) => this.#status(row) },
    ];
  }

  #status({ statusBefore }: Trashed): string {
    return say(statusBefore === "draft" ? "open.draft" : statusBefore === "closed" ? "open.closed" : "open.active");
  }

  protected override actions(row: Trashed, index: number): TemplateResult {
    const title = titleOf(row.title);
    return html`<button
        data-first
        aria-label=${say("trash.restore-one", { title })}
        @click=${() => this.#restore([row], index)}
      >
        ${say("trash.restore")}
      </button>
      <button
        class="bare danger"
        aria-label=${say("trash.purge-one", { title })}
        @click=${() => this.#purge([row], index)}
      >
        ${say("trash.purge")}
      </button>`;
  }

  protected override nothing(): TemplateResult {
    return html`<p tabindex="-1" data-else>${say("trash.none")}</p>
      <slot name="empty"></slot>`;
  }

  protected override bar(): TemplateResult {
    const isNone = !this.chosen.size || this.isBusy;
    return html`${this.selected(this.#progress)}
      <button ?disabled=${isNone} @click=${() => this.#restore(this.chosen.all, 0)}>${say("trash.restore-chosen")}</button>
      <button class="danger" ?disabled=${isNone} @click=${() => this.#purge(this.chosen.all, 0)}>
        ${say("trash.purge-chosen")}
      </button>`;
  }

  protected override above(): TemplateResult {
    return html`<div class="row">
        <p class="grow quiet">
          ${say("trash.what")} ${this.#bytes === undefined ? nothing : say("trash.bytes", { size: bytes(this.#bytes) })}
        </p>
        <button class="danger" ?disabled=${this.isBusy} @click=${() => this.#empty()}>${say("trash.empty")}</button>
      </div>
      <savepoint-confirm></savepoint-confirm>`;
  }

  async #restore(rows: readonly Named[], index: number): Promise<void> {
    const server = this.server;
    if (!server) return;
    const outcome = await this.#do(rows, (id) => server.trash.restore(id), index);
    if (!outcome?.done.length) return;
    const undo = async (): Promise<void> => {
      const { failed } = await trashAll(server, outcome.done);
      changed();
      if (failed[0]) throw new Error(failed[0].reason);
    };
    this.tell("savepoint-notice", { text: oneOrMany("trash.restored", "trash.restored-many", outcome.done), undo });
  }

  async #purge(rows: readonly Named[], index: number): Promise<void> {
    const server = this.server;
    const isSure = await this.query<ConfirmElement>("savepoint-confirm")?.ask({
      heading: say("trash.purge-heading", { count: rows.length }),
      text: say("trash.purge-text"),
      action: say("trash.purge-action"),
      titles: rows.map(({ title }) => titleOf(title)),
    });
    if (!server || !isSure) return;
    const outcome = await this.#do(rows, (id) => server.trash.remove(id), index);
    if (!outcome?.done.length) return;
    this.tell("savepoint-notice", { text: oneOrMany("trash.purged-one", "trash.purged-many", outcome.done) });
  }

  /** Does something with each. Returns undefined while something else is being done. */
  async #do(
    rows: readonly Named[],
    act: (id: string) => Promise<unknown>,
    index: number,
  ): Promise<Outcome | undefined> {
    return this.attempt(async () => {
      const outcome = await forEach(rows, act, (done) => {
        this.#progress = rows.length > 1 ? say("trash.doing", { done, count: rows.length }) : "";
        this.requestUpdate();
      });
      this.#progress = "";
      this.outcome = outcome;
      this.chosen.put(outcome.done, false);
      void this.#measure();
      await this.without(index);
      return outcome;
    });
  }

  async #empty(): Promise<void> {
    const server = this.server;
    const isSure = await this.query<ConfirmElement>("savepoint-confirm")?.ask({
      heading: say("trash.empty-heading"),
      text: `${say("trash.purge-text")} ${this.#bytes === undefined ? "" : say("trash.frees", { size: bytes(this.#bytes) })}`,
      action: say("trash.empty-action"),
      titles: [...this.pages.items.map(({ title }) => titleOf(title)), ...(this.pages.isLast ? [] : [say("trash.more")])],
    });
    if (!server || !isSure) return;
    await this.attempt(async () => {
      let count = 0;
      try {
        for (let done = false; !done; ) {
          const emptied = await server.trash.empty();
          done = emptied.done;
          count += emptied.purged;
        }
        this.tell("savepoint-notice", { text: say("trash.purged-many", { count }) });
      } finally {
        this.chosen.clear();
        await this.without(0);
      }
    });
  }
}

define("savepoint-trash", TrashElement);
