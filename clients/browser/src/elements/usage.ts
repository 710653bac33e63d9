/** `<savepoint-usage>`: how much a person keeps, of what, and what to delete if it is too much. */

import { html, nothing, type CSSResultGroup, type PropertyValues, type TemplateResult } from "lit";
import type { Server } from "../server.js";
import type { SessionMetadata, UsageAndLimits } from "../wire.gen.js";
import { amountsStyle, COUNTED, ofLimit, space, warnings } from "./amounts.js";
import { define, SavepointElement } from "./element.js";
import { failures, restoreAll, trashAll, type Outcome } from "./many.js";
import { rowsStyle } from "./rows-style.js";
import { rowsOf } from "./rows.js";
import { look } from "./style.js";
import { bytes, reasonOf, say, titleOf } from "./texts/index.js";

const LOOKED_AT = 100;
const LARGEST = 10;

export class UsageElement extends SavepointElement {
  static override properties = { server: { attribute: false } };
  static override styles: CSSResultGroup = [
    look,
    rowsStyle,
    amountsStyle,
  ];
  declare server: Server | undefined;
  #usage: UsageAndLimits | undefined;
  #items: readonly SessionMetadata[] = [];
  #isMore = false;
  /** Why the numbers could not be read. */
  #failed: string | undefined;
  #outcome: Outcome | undefined;
  #turn = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    this.onChanges(() => this.refresh());
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("server")) void this.refresh();
  }

  /** Asks the server again. Two requests. */
  async refresh(): Promise<void> {
    const server = this.server;
    const turn = ++this.#turn;
    if (!server) return;
    try {
      const [usage, page] = await Promise.all([
        server.usage(),
        server.sessions.list({ page_size: LOOKED_AT, status: ["active", "closed", "draft"] }),
      ]);
      if (turn !== this.#turn) return;
      this.#usage = usage;
      this.#isMore = page.pageToken !== null;
      this.#items = [...page.items].sort((a, b) => b.contentBytes - a.contentBytes).slice(0, LARGEST);
      this.#failed = undefined;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#failed = reasonOf(error);
    }
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    const error = this.#failed
      ? html`<div class="row">
          <span class="trouble spread">${say("failed", { reason: this.#failed })}</span>
          <button @click=${() => this.refresh()}>${say("try-again")}</button>
        </div>`
      : nothing;
    const usage = this.#usage;
    return html`<div class="stack">
      <div role="alert">${error}</div>
      ${usage ? this.#all(usage) : this.#failed ? nothing : html`<p class="quiet" role="status">${say("loading")}</p>`}
    </div>`;
  }

  #all({ used, limits }: UsageAndLimits): TemplateResult {
    const dismiss = (): void => {
      this.#outcome = undefined;
      this.requestUpdate();
      this.query("[data-else]")?.focus();
    };
    return html`<div role="status" class="stack">${warnings(used, limits)}</div>
      ${space(used, limits.keptBytes)}
      <ul class="parts" aria-label=${say("usage.numbers")}>
        ${COUNTED.map((name) => html`<li>${say(`usage.${name}`)}: ${ofLimit(used[name], limits[name], String)}</li>`)}
        ${limits.storedBytes
          ? html`<li>${say("usage.storedBytes")}: ${ofLimit(used.storedBytes, limits.storedBytes, bytes)}</li>`
          : nothing}
      </ul>
      <h2 tabindex="-1" data-else>${say("usage.largest")}</h2>
      <p class="quiet">${this.#isMore ? say("usage.looked-at", { count: LOOKED_AT }) : nothing} ${say("usage.frees-when")}</p>
      <div role="alert">${failures(this.#outcome, dismiss)}</div>
      ${this.#items.length ? this.#table() : html`<p>${say("usage.none")}</p>`}`;
  }

  #table(): TemplateResult {
    const open = ({ id, status }: SessionMetadata): void =>
      this.tell("savepoint-open", { kind: status === "draft" ? "draft" : "session", id });
    return rowsOf<SessionMetadata>({
      label: say("usage.largest"),
      rows: this.#items,
      columns: [
        {
          key: "title",
          label: say("list.title"),
          cell: (row) =>
            html`<button class="bare open" data-first @click=${() => open(row)}>${titleOf(row.title)}</button>`,
        },
        { key: "status", label: say("list.status"), cell: (row) => (row.status === "draft" ? say("open.draft") : "") },
        { key: "size", label: say("list.size"), cell: (row) => bytes(row.contentBytes) },
        {
          key: "frees",
          label: say("usage.frees"),
          wide: true,
          cell: (row) => say("usage.at-least", { size: bytes(row.contentBytes) }),
        },
      ],
      actions: (row, index) =>
        html`<button
          class="bare"
          aria-label=${say("list.delete-one", { title: titleOf(row.title) })}
          @click=${() => this.#remove(row, index)}
        >
          ${say("list.delete")}
        </button>`,
    });
  }

  async #remove(row: SessionMetadata, index: number): Promise<void> {
    const server = this.server;
    if (!server) return;
    const outcome = await this.attempt(() => trashAll(server, [row]));
    if (!outcome) return;
    this.#outcome = outcome;
    if (outcome.done.length) {
      const text = say("list.trashed", { title: titleOf(row.title) });
      this.tell("savepoint-notice", { text, undo: () => restoreAll(server, [row]) });
    }
    this.tell("savepoint-changed", null);
    await this.refresh();
    await this.updateComplete;
    const rows = this.renderRoot.querySelectorAll<HTMLElement>("[data-first]");
    this.refocus(rows[Math.min(index, rows.length - 1)] ?? this.query("[data-else]"));
  }
}

define("savepoint-usage", UsageElement);
