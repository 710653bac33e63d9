/** `<savepoint-snapshots>`: the snapshots that a person made, or opened. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { SnapshotAccessLog, SnapshotMetadata, SnapshotStats } from "../wire.gen.js";
import { ConfirmElement } from "./confirm.js";
import { define } from "./element.js";
import { linkOf, linkTo, type LinkTo } from "./link.js";
import { ListElement, PAGE_SIZE } from "./list.js";
import { forEach } from "./many.js";
import type { Page } from "./pages.js";
import type { Column } from "./rows.js";
import { reasonOf, say, titleOf } from "./texts/index.js";
import { time } from "./time.js";
import { othersOf } from "./visits.js";

type Row = SnapshotMetadata & { readonly log?: SnapshotAccessLog };

const MINE = { title: "title", created: "created_at" } as const;
const OPENED = { title: "snapshot_metadata.title", visited: "last_visited_at", visits: "visits" } as const;

export class SnapshotsElement extends ListElement<Row> {
  static override properties = { ...ListElement.properties, which: { type: String }, link: { attribute: false } };
  declare which: "mine" | "opened";
  declare link: LinkTo;
  readonly #stats = new Map<string, SnapshotStats>();
  #me: string | undefined;

  constructor() {
    super();
    this.which = "mine";
    this.link = linkTo;
  }

  protected override get order(): string {
    return this.which === "mine" ? "-created" : "-visited";
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (changed.get("which")) void this.pages.first();
  }

  protected override async load(cursor: string | undefined): Promise<Page<Row>> {
    const page = await (this.which === "mine" ? this.#mine(cursor) : this.#opened(cursor));
    if (this.which === "mine") void this.#count(page.items);
    return page;
  }

  #common(cursor: string | undefined) {
    const { search, sort = this.order } = this.view;
    return {
      page_size: PAGE_SIZE,
      ...(cursor ? { cursor } : {}),
      ...(search ? { filter_title: search } : {}),
      sort_direction: sort.startsWith("-") ? ("desc" as const) : ("asc" as const),
      sort_lowercase: true,
    };
  }

  async #mine(cursor: string | undefined): Promise<Page<Row>> {
    const server = this.server;
    if (!server) return { items: [], pageToken: null };
    if (!cursor) void this.measure((used) => (this.total = used.snapshots));
    const sort = (this.view.sort ?? this.order).replace("-", "") as keyof typeof MINE;
    return server.snapshots.list({ ...this.#common(cursor), sort_by: MINE[sort] ?? "created_at" });
  }

  async #opened(cursor: string | undefined): Promise<Page<Row>> {
    const server = this.server;
    if (!server) return { items: [], pageToken: null };
    this.#me ??= (await server.account.me()).ownerId;
    this.total = undefined;
    const sort = (this.view.sort ?? this.order).replace("-", "") as keyof typeof OPENED;
    const { items, pageToken } = await server.snapshots.opened({
      ...this.#common(cursor),
      sort_by: OPENED[sort] ?? "last_visited_at",
      ...(this.view.hide ? { filter_snapshot_deleted: false } : {}),
    });
    return { items: items.map((log) => ({ ...log.snapshotMetadata, id: log.snapshotId, log })), pageToken };
  }

  /** Asks how many people opened each, after the list is shown. One request for each; what fails is left empty. */
  async #count(rows: readonly Row[]): Promise<void> {
    const server = this.server;
    if (!server) return;
    const unknown = rows.filter(({ id }) => !this.#stats.has(id));
    await forEach(unknown, async (id) => {
      this.#stats.set(id, await server.snapshots.stats(id));
      this.requestUpdate();
    });
  }

  protected override label(): string {
    return say(`snapshots.${this.which}`);
  }

  protected override columns(): readonly Column<Row>[] {
    const title: Column<Row> = { key: "title", label: say("list.title"), sorts: "up", cell: (row) => this.#title(row) };
    if (this.which === "mine") {
      return [
        title,
        { key: "created", label: say("snapshots.made"), sorts: "down", cell: (row) => time(row.createdAt) },
        { key: "expires", label: say("snapshots.expires"), cell: (row) => expiry(row) },
        { key: "visits", label: say("snapshots.opened-by"), cell: ({ id }) => this.#people(id) },
      ];
    }
    return [
      title,
      { key: "owner", label: say("snapshots.owner"), cell: (row) => this.#owner(row.ownerId) },
      {
        key: "visited",
        label: say("snapshots.visited"),
        sorts: "down",
        cell: ({ log }) => (log?.lastVisitedAt ? time(log.lastVisitedAt) : ""),
      },
      {
        key: "visits",
        label: say("snapshots.visits"),
        sorts: "down",
        cell: ({ log }) => say("visits.times", { count: log?.visits ?? 0 }),
      },
    ];
  }

  #title({ id, title, log }: Row): TemplateResult {
    if (log?.snapshotDeleted) {
      return html`<span class="gone">${titleOf(title)}</span> <em class="quiet">${say("snapshots.deleted")}</em>`;
    }
    const open = (): void => this.tell("savepoint-open", { kind: "snapshot", id });
    return html`<button class="bare open" data-first @click=${open}>${titleOf(title)}</button>`;
  }

  #owner(ownerId: string): string {
    return ownerId === this.#me ? say("snapshots.you") : ownerId || say("snapshots.nobody");
  }

  #people(id: string): string {
    const stats = this.#stats.get(id);
    return stats ? say("visits.count", { count: othersOf(stats) }) : "";
  }

  protected override actions(row: Row, index: number): TemplateResult {
    const title = titleOf(row.title);
    if (this.which === "opened") {
      return html`<button
        class="bare"
        ?data-first=${row.log?.snapshotDeleted}
        aria-label=${say("snapshots.forget-one", { title })}
        @click=${() => this.#do("forget", row, index)}
      >
        ${say("snapshots.forget")}
      </button>`;
    }
    return html`${linkOf(this.link(row.id), title)}
      <button
        class="bare danger"
        aria-label=${say("snapshots.revoke-one", { title })}
        @click=${() => this.#revoke(row, index)}
      >
        ${say("snapshots.revoke")}
      </button>`;
  }

  protected override nothing(): TemplateResult {
    return html`<p tabindex="-1" data-else>${say(`snapshots.none-${this.which}`)}</p>
      <slot name="empty"></slot>`;
  }

  protected override filters(): TemplateResult | typeof nothing {
    if (this.which === "mine") return nothing;
    const change = (event: Event): void =>
      this.change({ hide: (event.target as HTMLInputElement).checked ? "deleted" : "" });
    return html`<label class="row">
      <input type="checkbox" .checked=${this.view.hide === "deleted"} @change=${change} />${say("snapshots.hide")}
    </label>`;
  }

  protected override above(): TemplateResult | typeof nothing {
    return this.which === "mine" ? html`<savepoint-confirm></savepoint-confirm>` : nothing;
  }

  async #revoke(row: Row, index: number): Promise<void> {
    if (await askToRevoke(this.query<ConfirmElement>("savepoint-confirm"), row.title)) {
      await this.#do("remove", row, index);
    }
  }

  async #do(what: "forget" | "remove", row: Row, index: number): Promise<void> {
    const text = what === "forget" ? "snapshots.forgotten" : "snapshots.revoked";
    await this.attempt(async () => {
      try {
        await this.server?.snapshots[what](row.id);
        this.tell("savepoint-notice", { text: say(text, { title: titleOf(row.title) }) });
      } catch (error) {
        this.outcome = { done: [], failed: [{ row, reason: reasonOf(error) }] };
      }
      await this.without(index);
    });
  }
}

define("savepoint-snapshots", SnapshotsElement);

/** Returns when a link ends, in words. */
export const expiry = ({ expiresAt }: SnapshotMetadata): unknown =>
  expiresAt ? html`<span class="small">${say("snapshots.expires")}</span> ${time(expiresAt)}` : say("snapshots.never");

/** Resolves with true if a link may be ended. */
export const askToRevoke = async (dialog: ConfirmElement | null, title: string): Promise<boolean> =>
  (await dialog?.ask({
    heading: say("snapshots.revoke-heading"),
    text: say("snapshots.revoke-text"),
    action: say("snapshots.revoke-action"),
    titles: [titleOf(title)],
  })) ?? false;
