/** `<savepoint-activity>`: what happened to a person's things, or with `document-id` to one document. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import type { Activity, ActivityAction } from "../wire.gen.js";
import { define } from "./element.js";
import { download } from "./files.js";
import { ListElement, PAGE_SIZE } from "./list.js";
import { walk, type Page } from "./pages.js";
import type { Column } from "./rows.js";
import { csvOf, fold, idOf, type Sitting } from "./sittings.js";
import { bytes, clock, say, titleOf } from "./texts/index.js";
import { time } from "./time.js";

const ACTIONS: readonly ActivityAction[] = [
  ...(["created", "saved", "autosaved", "renamed", "promoted", "closed", "reopened", "restored"] as const),
  ...(["named", "trashed", "untrashed", "deleted", "exported", "imported"] as const),
];
/** With filters, the server looks at 1,000 lines for a page, which may then be empty. */
const EMPTY_PAGES_MAX = 20;

type Row = Activity & { readonly id: string; readonly title: string };

export class ActivityElement extends ListElement<Row, Sitting> {
  static override properties = { ...ListElement.properties, documentId: { attribute: "document-id" } };
  declare documentId: string | undefined;
  protected override readonly hasSearch = false;
  readonly #apps = new Set<string>();
  /** The titles of documents, for the one that is filtered by. */
  readonly #titles = new Map<string, string>();

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (changed.has("documentId") && this.pages.isKnown) void this.pages.first();
  }

  protected override async load(cursor: string | undefined): Promise<Page<Row>> {
    const server = this.server;
    if (!server) return { items: [], pageToken: null };
    const { action, app, from, to, document } = this.view;
    const session = this.documentId ?? document;
    const query = {
      page_size: PAGE_SIZE,
      ...(session ? { session_id: session } : {}),
      ...(action ? { action: action as ActivityAction } : {}),
      ...(app ? { app } : {}),
      ...(from ? { from: new Date(`${from}T00:00:00`).toISOString() } : {}),
      ...(to ? { to: new Date(`${to}T23:59:59.999`).toISOString() } : {}),
    };
    const ask = (from: string | undefined) => server.activity.list({ ...query, ...(from ? { cursor: from } : {}) });
    let page: Page<Activity> = { items: [], pageToken: null };
    let left = EMPTY_PAGES_MAX;
    for await (page of walk(ask, cursor)) if (page.items.length || !left--) break;
    for (const line of page.items) {
      if (line.app) this.#apps.add(line.app);
      if (line.subject.title && !this.#titles.has(line.subject.id)) this.#titles.set(line.subject.id, line.subject.title);
    }
    return { ...page, items: page.items.map((line) => ({ ...line, id: idOf(line), title: line.subject.title ?? "" })) };
  }

  protected override label(): string {
    return say("activity.label");
  }

  protected override get rows(): readonly Sitting[] {
    return fold(this.pages.items);
  }

  protected override columns(): readonly Column<Sitting>[] {
    const title: Column<Sitting> = { key: "title", label: say("activity.document"), cell: (row) => this.#title(row.last) };
    return [
      ...(this.documentId ? [] : [title]),
      { key: "what", label: say("activity.what"), cell: (row) => what(row) },
      { key: "when", label: say("activity.when"), cell: (row) => time(row.last.at) },
      { key: "device", label: say("list.device"), cell: ({ last }) => last.deviceInfo ?? "" },
      { key: "app", label: say("list.app"), cell: ({ last }) => last.app ?? "" },
      { key: "size", label: say("list.size"), cell: ({ last }) => (last.contentBytes === null ? "" : bytes(last.contentBytes)) },
    ];
  }

  #title({ subject }: Activity): TemplateResult {
    if (subject.kind === "account") return html`<strong>${say("activity.account")}</strong>`;
    const { kind, id } = subject;
    const open = (): void => this.tell("savepoint-open", { kind: kind === "snapshot" ? "snapshot" : "session", id });
    return html`<button class="bare open" data-first @click=${open}>${titleOf(subject.title)}</button>`;
  }

  protected override actions({ last: { subject } }: Sitting): TemplateResult | typeof nothing {
    if (subject.kind !== "session" || this.documentId || this.view.document) return nothing;
    const only = (): void => this.change({ document: subject.id });
    return html`<button
      class="bare"
      aria-label=${say("activity.only-one", { title: titleOf(subject.title) })}
      @click=${only}
    >
      ${say("activity.only")}
    </button>`;
  }

  protected override nothing(): TemplateResult {
    return html`<p tabindex="-1" data-else>${say("activity.none")}</p>
      <slot name="empty"></slot>`;
  }

  protected override filters(): TemplateResult {
    const { document } = this.view;
    const all = (): void => {
      this.change({ document: "" });
      void this.focusRow(0);
    };
    return html`${document
        ? html`<button @click=${all}>
            ${say("activity.only-document", { title: titleOf(this.#titles.get(document)) })}
            <span aria-hidden="true">✕</span><span class="unseen">${say("activity.all-documents")}</span>
          </button>`
        : nothing}
      ${this.#choice("action", ACTIONS.map((action) => [action, say(`activity.${action}`, { count: 1 })]))}
      ${this.#choice("app", [...this.#apps].sort().map((app) => [app, app]))} ${this.#date("from")} ${this.#date("to")}
      <button ?disabled=${!this.pages.items.length} @click=${() => this.#save()}>${say("activity.csv")}</button>`;
  }

  #choice(key: "action" | "app", offered: (readonly [string, string])[]): TemplateResult {
    const chosen = this.view[key] ?? "";
    const isMissing = chosen && !offered.some(([value]) => value === chosen);
    const change = (event: Event): void => this.change({ [key]: (event.target as HTMLSelectElement).value });
    return html`<select aria-label=${say(`activity.by-${key}`)} ?data-else=${key === "action"} @change=${change}>
      <option value="" .selected=${live(!chosen)}>${say(`activity.all-${key}`)}</option>
      ${[...offered, ...(isMissing ? [[chosen, chosen] as const] : [])].map(
        ([value, words]) => html`<option value=${value} .selected=${live(value === chosen)}>${words}</option>`,
      )}
    </select>`;
  }

  #date(key: "from" | "to"): TemplateResult {
    const change = (event: Event): void => this.change({ [key]: (event.target as HTMLInputElement).value });
    return html`<label class="row">
      ${say(`activity.${key}`)} <input type="date" .value=${live(this.view[key] ?? "")} @change=${change} />
    </label>`;
  }

  #save(): void {
    download("activity.csv", csvOf(this.pages.items), "text/csv;charset=utf-8");
  }
}

define("savepoint-activity", ActivityElement);

/** Returns what happened in words, such as `Saved 42 times, 14:02 to 14:40`. */
function what({ last, first, count }: Sitting): string {
  const action = last.subject.kind === "snapshot" && last.action === "created" ? "shared" : last.action;
  const name = last.name ? `: ${last.name}` : "";
  const words = say(`activity.${action}`, { count }) + name;
  const by = last.actor === "timer" ? `, ${say("activity.by-timer")}` : "";
  if (count === 1) return words + by;
  const [from, to] = [clock(first.at), clock(last.at)];
  return (from === to ? `${words}, ${from}` : say("activity.times", { what: words, from, to })) + by;
}
