/** `<savepoint-visits>`: who opened a snapshot, when and how often. The owner's own visits do not count. */

import { css, html, nothing, svg, type CSSResultGroup, type PropertyValues, type TemplateResult } from "lit";
import type { Server } from "../server.js";
import type { SnapshotStats, SnapshotVisitor } from "../wire.gen.js";
import { barsOf, type Bar } from "./bars.js";
import { define, SavepointElement } from "./element.js";
import { rowsStyle } from "./rows-style.js";
import { look } from "./style.js";
import { day, reasonOf, say } from "./texts/index.js";
import { time } from "./time.js";

const PAGE_MAX = 100;

export class VisitsElement extends SavepointElement {
  static override properties = { server: { attribute: false }, snapshot: { type: String } };
  static override styles: CSSResultGroup = [
    look,
    rowsStyle,
    css`
      figure {
        margin: 0;
      }
      svg {
        width: 100%;
        max-width: 480px;
        height: 96px;
      }
      rect {
        fill: var(--_accent);
      }
      line {
        stroke: var(--_line);
      }
      @media (forced-colors: active) {
        rect {
          fill: CanvasText;
        }
      }
    `,
  ];
  declare server: Server | undefined;
  declare snapshot: string;
  #stats: SnapshotStats | undefined;
  /** The people besides the owner. Undefined if the server does not show them. */
  #people: readonly SnapshotVisitor[] | undefined;
  #next: string | null = null;
  #turn = 0;

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("snapshot")) this.#stats = undefined;
    if (changed.has("server") || changed.has("snapshot")) void this.refresh();
  }

  async refresh(): Promise<void> {
    const { server, snapshot } = this;
    const turn = ++this.#turn;
    if (!server || !snapshot) return;
    try {
      const stats = await server.snapshots.stats(snapshot);
      if (turn !== this.#turn) return;
      this.error = "";
      this.#stats = stats;
      this.#people = undefined;
      this.#next = null;
      await this.#more();
    } catch (error) {
      if (turn !== this.#turn) return;
      // The operator decides whether people are shown. The number is there in any case.
      if ((error as { status?: number }).status !== 403 || !this.#stats) this.error = reasonOf(error);
    }
    this.requestUpdate();
  }

  async #more(): Promise<void> {
    const { server, snapshot } = this;
    const turn = this.#turn;
    if (!server) return;
    const query = { page_size: PAGE_MAX, ...(this.#next ? { cursor: this.#next } : {}) };
    const [page, { ownerId }] = await Promise.all([server.snapshots.visitors(snapshot, query), server.account.me()]);
    if (turn !== this.#turn) return;
    this.#next = page.pageToken;
    this.#people = [...(this.#people ?? []), ...page.items.filter(({ visitorId }) => visitorId !== ownerId)];
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    if (!this.#stats && this.error) return html`${this.trouble()}`;
    if (!this.#stats) return html`<p class="quiet" role="status">${say("loading")}</p>`;
    const count = othersOf(this.#stats);
    if (!count) return html`<p>${say("visits.nobody")}</p>`;
    return html`<div class="stack">
      <p>${say("visits.people", { count })}</p>
      ${this.trouble()}
      ${this.#people?.length ? this.#table(this.#people) : this.#people || this.error ? nothing : html`<p>${say("visits.hidden")}</p>`}
    </div>`;
  }

  #table(people: readonly SnapshotVisitor[]): TemplateResult {
    return html`${chart(barsOf(people.map(({ firstVisitedAt }) => Date.parse(firstVisitedAt))))}
      <table role="table" aria-label=${say("visits.label")}>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader">${say("visits.who")}</th>
            <th role="columnheader">${say("visits.first")}</th>
            <th role="columnheader">${say("visits.last")}</th>
            <th role="columnheader">${say("visits.often")}</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${people.map(
            (one) => html`<tr role="row">
              <td role="cell" class="title">${one.visitorId}</td>
              <td role="cell"><span class="small">${say("visits.first")}</span> ${time(one.firstVisitedAt)}</td>
              <td role="cell"><span class="small">${say("visits.last")}</span> ${time(one.lastVisitedAt)}</td>
              <td role="cell">${say("visits.times", { count: one.visits })}</td>
            </tr>`,
          )}
        </tbody>
      </table>
      ${this.#next ? html`<div><button ?disabled=${this.isBusy} @click=${() => this.attempt(() => this.#more())}>${say("visits.more")}</button></div>` : nothing}`;
  }
}

define("savepoint-visits", VisitsElement);

/** Returns how many people besides the owner opened a snapshot: its creation counts as a visit of the owner. */
export const othersOf = ({ visitors }: SnapshotStats): number => Math.max(0, visitors - 1);

/** Returns the picture of the bars. It says in words what it shows. */
function chart(bars: readonly Bar[]): TemplateResult {
  const highest = Math.max(...bars.map(({ count }) => count));
  const width = 480 / Math.max(bars.length, 7);
  const words = bars.filter(({ count }) => count).map(({ from, count }) => `${day(from)}: ${count.toString()}`);
  return html`<figure class="stack">
    <svg viewBox="0 0 480 96" preserveAspectRatio="none" role="img" aria-label="${say("visits.chart")}: ${words.join(", ")}">
      ${bars.map(({ count }, at) => {
        const height = (count / highest) * 88;
        return svg`<rect x=${at * width + 1} y=${92 - height} width=${Math.max(1, width - 2)} height=${height}></rect>`;
      })}
      <line x1="0" x2="480" y1="92" y2="92"></line>
    </svg>
    <figcaption class="quiet">${say("visits.chart")}: ${words.join(", ")}</figcaption>
  </figure>`;
}
