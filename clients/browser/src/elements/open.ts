/** `<savepoint-open>`: the sessions or drafts of a person. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import type { DraftMetadata, SessionMetadata } from "../wire.gen.js";
import { define } from "./element.js";
import { ListElement, PAGE_SIZE } from "./list.js";
import { Matching } from "./matching.js";
import { oneOrMany, restoreAll, trashAll } from "./many.js";
import type { Page } from "./pages.js";
import type { Column } from "./rows.js";
import type { Named } from "./selection.js";
import { bytes, reasonOf, say, titleOf } from "./texts/index.js";
import { time } from "./time.js";

type Row = SessionMetadata & Partial<Pick<DraftMetadata, "purgesAt">>;

const ORDER = "-updated";
/** The most that one page of the server has. */
const PAGE_MAX = 100;
const SORTS: Record<string, "metadata.title" | "metadata.updated_at" | "metadata.created_at"> = {
  title: "metadata.title",
  updated: "metadata.updated_at",
  created: "metadata.created_at",
};

export class OpenElement extends ListElement<Row> {
  static override properties = { ...ListElement.properties, kind: { type: String } };
  declare kind: "sessions" | "drafts";
  protected override get order(): string {
    return ORDER;
  }
  protected override readonly hasSelection = true;
  /** What the filters offer: the apps and devices that were seen, because the server has no list of them. */
  readonly #seen = { app: new Set<string>(), device: new Set<string>() };
  #progress = "";
  readonly #matching = new Matching(
    (cursor) => this.#page(PAGE_MAX, cursor),
    () => this.requestUpdate(),
  );

  constructor() {
    super();
    this.kind = "sessions";
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (changed.has("view") || changed.has("kind")) this.#matching.forget();
    if (changed.has("kind") && changed.get("kind")) void this.pages.first();
  }

  protected override async load(cursor: string | undefined): Promise<Page<Row>> {
    if (!cursor) void this.#count();
    const page = await this.#page(PAGE_SIZE, cursor);
    for (const { app, deviceInfo } of page.items) {
      if (app) this.#seen.app.add(app);
      if (deviceInfo) this.#seen.device.add(deviceInfo);
    }
    return page;
  }

  /** Drafts of one device have a list of their own, without search and order. All else does the list of sessions. */
  async #page(size: number, cursor: string | undefined): Promise<Page<Row>> {
    const server = this.server;
    if (!server) return { items: [], pageToken: null };
    const { search, app, device, sort = ORDER } = this.view;
    const common = { page_size: size, ...(cursor ? { cursor } : {}), ...(app ? { app } : {}) };
    if (this.kind === "drafts" && (device || (!search && sort === ORDER))) {
      const page = await server.drafts.list({ ...common, ...(device ? { device } : {}) });
      const wanted = search?.toLowerCase() ?? "";
      return { ...page, items: page.items.filter(({ title }) => title.toLowerCase().includes(wanted)) };
    }
    return server.sessions.list({
      ...common,
      ...(search ? { filter_title: search } : {}),
      ...(this.kind === "drafts" ? { status: ["draft"] } : {}),
      sort_by: SORTS[sort.replace("-", "")] ?? "metadata.updated_at",
      sort_direction: sort.startsWith("-") ? "desc" : "asc",
      sort_lowercase: true,
    });
  }

  #count(): Promise<void> {
    return this.measure((used) => (this.total = used[this.kind]));
  }

  protected override label(): string {
    return say(`open.${this.kind}`);
  }

  protected override columns(): readonly Column<Row>[] {
    const open = (id: string): void => this.tell("savepoint-open", { kind: this.kind === "drafts" ? "draft" : "session", id });
    return [
      {
        key: "title",
        label: say("list.title"),
        sorts: "up",
        cell: ({ id, title }) =>
          html`<button class="bare open" data-first @click=${() => open(id)}>${titleOf(title)}</button>`,
      },
      { key: "updated", label: say("list.updated"), sorts: "down", cell: (row) => time(row.updatedAt) },
      { key: "created", label: say("list.created"), sorts: "down", wide: true, cell: (row) => time(row.createdAt) },
      { key: "device", label: say("list.device"), cell: (row) => row.deviceInfo ?? "" },
      { key: "app", label: say("list.app"), cell: (row) => row.app ?? "" },
      { key: "size", label: say("list.size"), cell: (row) => bytes(row.contentBytes) },
      { key: "status", label: say("list.status"), cell: (row) => this.#status(row) },
    ];
  }

  #status(row: Row): unknown {
    const status = say(row.status === "closed" ? "open.closed" : row.status === "draft" ? "open.draft" : "open.active");
    return row.purgesAt ? html`${status}, ${say("open.purges")} ${time(row.purgesAt)}` : status;
  }

  protected override actions(row: Row, index: number): TemplateResult {
    const name = say("list.delete-one", { title: titleOf(row.title) });
    return html`<button class="bare" aria-label=${name} @click=${() => this.#remove([row], index)}>
      ${say("list.delete")}
    </button>`;
  }

  protected override nothing(): TemplateResult {
    return html`<p tabindex="-1" data-else>${say(`open.none-${this.kind}`)}</p>
      <slot name="empty"></slot>`;
  }

  protected override filters(): TemplateResult {
    return html`${this.#filter("app")} ${this.kind === "drafts" ? this.#filter("device") : nothing}`;
  }

  #filter(key: "app" | "device"): TemplateResult {
    const chosen = this.view[key] ?? "";
    const offered = [...new Set([...this.#seen[key], ...(chosen ? [chosen] : [])])].sort();
    const change = (event: Event): void => this.change({ [key]: (event.target as HTMLSelectElement).value });
    return html`<select aria-label=${say(`list.${key}`)} @change=${change}>
      <option value="" .selected=${live(!chosen)}>${say(`open.all-${key}`)}</option>
      ${offered.map((one) => html`<option value=${one} .selected=${live(one === chosen)}>${one}</option>`)}
    </select>`;
  }

  protected override bar(): TemplateResult {
    return html`${this.selected(this.#progress)}
      ${this.#offerAll()}
      <button class="danger" ?disabled=${!this.chosen.size || this.isBusy} @click=${() => this.#remove(this.chosen.all, 0)}>
        ${say("list.delete-chosen")}
      </button>`;
  }

  /** Offers what matches on all pages, once a whole page is selected. */
  #offerAll(): TemplateResult | typeof nothing {
    const isPage = this.rows.length > 0 && this.chosen.within(this.rows) === this.rows.length;
    const isMore = !this.pages.isLast || this.pages.number > 1;
    if (!isPage || !isMore || (this.#matching.found?.length ?? Infinity) <= this.chosen.size) return nothing;
    const count = this.#matching.found?.length ?? (this.isFiltered ? undefined : this.total);
    if (count === undefined) this.#matching.begin();
    return html`<button @click=${() => this.#chooseAll()}>
      ${count === undefined ? say("list.choose-matching") : say("list.choose-all", { count })}
    </button>`;
  }

  async #chooseAll(): Promise<void> {
    try {
      this.chosen.put(await this.#matching.all(), true);
    } catch (error) {
      this.#matching.forget();
      this.tell("savepoint-notice", { text: say("failed", { reason: reasonOf(error) }) });
    }
    this.query<HTMLElement>("button.danger")?.focus();
  }

  async #remove(rows: readonly Named[], index: number): Promise<void> {
    const server = this.server;
    if (!server) return;
    await this.attempt(async () => {
      const outcome = await trashAll(server, rows, (done) => {
        this.#progress = say("list.deleting", { done, count: rows.length });
        this.requestUpdate();
      });
      this.#progress = "";
      this.#matching.forget();
      this.outcome = outcome;
      this.chosen.put(outcome.done, false);
      if (outcome.done.length) {
        const undo = (): Promise<void> => restoreAll(server, outcome.done);
        this.tell("savepoint-notice", { text: oneOrMany("list.trashed", "list.trashed-many", outcome.done), undo });
      }
      void this.#count();
      await this.without(index);
    });
  }
}

define("savepoint-open", OpenElement);
