/** `<savepoint-history>`: the versions of a document. Looking at one changes nothing. */

import { html, nothing, type CSSResultGroup, type PropertyDeclarations, type PropertyValues, type TemplateResult } from "lit";
import type { Server } from "../server.js";
import type { DocumentState } from "../view.js";
import type { RevisionMetadata } from "../wire.gen.js";
import "./compare.js";
import { placeInWords, type Change } from "./changes.js";
import { define, DocumentElement } from "./element.js";
import { placeOf } from "./hiding.js";
import { RowWords } from "./row-words.js";
import { chart, historyLook, metaOf, titleOf, walk } from "./history-rows.js";
import { look } from "./style.js";
import { reasonOf, say } from "./texts/index.js";
import "./version.js";
import { allVersions, sittings, Texts, type Sitting, type Versions } from "./versions.js";

/** Rows that are shown before a person asks for older ones. */
const ROWS = 20;

export class HistoryElement extends DocumentElement {
  static override properties: PropertyDeclarations = { server: { attribute: false } };
  static override styles: CSSResultGroup = [look, historyLook];
  declare server: Server | undefined;
  #versions: Versions = { all: [], kept: { unnamed: 0, named: 0 } };
  #isKnown = false;
  #error = "";
  #texts: Texts | undefined;
  #shown: number | undefined;
  #most = ROWS;
  /** The sittings that are unfolded, by their newest version. */
  #open = new Set<number>();
  #picked: Change | undefined;
  readonly #words = new RowWords(this);
  #of = "";
  #turn = 0;

  protected override willUpdate(changed?: PropertyValues): void {
    super.willUpdate();
    if (changed?.has("server")) void this.load();
  }

  protected override follow(now: DocumentState): void {
    if (now.id === this.#of) {
      if (!this.#isKnown && now.version !== undefined) void this.load();
      return;
    }
    this.#of = now.id;
    this.#isKnown = false;
    this.#texts = new Texts(this.doc!);
    this.#shown = undefined;
    this.#picked = undefined;
    this.#words.begin(this.#texts);
    void this.load();
  }

  get #all(): readonly RevisionMetadata[] {
    return this.#versions.all;
  }

  /** Asks for the versions anew. */
  async load(): Promise<void> {
    const { server, doc } = this;
    if (!server || !doc || doc.state.version === undefined) return;
    const { id } = doc;
    const turn = ++this.#turn;
    try {
      const found = await allVersions(server, id);
      if (turn !== this.#turn || id !== this.doc?.id) return; // of another document by now
      this.#versions = found;
      this.#isKnown = true;
      this.#error = "";
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#error = reasonOf(error);
    }
    this.requestUpdate();
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.#words.watch(this.renderRoot.querySelectorAll<HTMLElement>("li[data-version]"), this.#all);
  }

  #select(version: number): void {
    this.#shown = version;
    this.requestUpdate();
  }

  /** In a narrow window, the preview is below the list. */
  async #reveal(): Promise<void> {
    await this.updateComplete;
    const preview = this.query("savepoint-version");
    const isBelow = preview && preview.offsetTop > (this.query("ol")?.offsetTop ?? 0) + 1;
    if (isBelow) preview.scrollIntoView({ block: "start" });
  }

  #key(event: KeyboardEvent): void {
    const button = walk(event, [...this.renderRoot.querySelectorAll<HTMLButtonElement>("button.version")]);
    if (button) this.#select(Number(button.value));
  }

  protected override render(): TemplateResult {
    if (this.#error) {
      return html`<div class="row" role="alert">
        <span class="trouble spread">${say("failed", { reason: this.#error })}</span>
        <button @click=${() => this.load()}>${say("try-again")}</button>
      </div>`;
    }
    if (this.state && this.state.version === undefined) return html`<p class="quiet empty">${say("history.none")}</p>`;
    if (!this.#isKnown) return html`<p class="quiet empty" role="status">${say("loading")}</p>`;
    return html`<div class="both ${this.#shown === undefined ? "" : "beside"}">
      <div class="stack">
        ${chart(this.#all)}
        <div role="status">${this.#newer()}${this.#marked()}</div>
        ${this.#list()}
      </div>
      ${this.#shown === undefined
        ? nothing
        : html`<savepoint-version
            .doc=${this.doc}
            .server=${this.server}
            .versions=${this.#versions}
            .texts=${this.#texts}
            .version=${this.#shown}
            .stamp=${`${this.state?.version} ${this.state?.dirty}`}
            @changed=${() => this.load()}
            @pick=${(event: CustomEvent<Change>) => this.#pick(event.detail)}
          ></savepoint-version>`}
    </div>`;
  }

  /** Rows do not move by themselves. */
  #newer(): TemplateResult | typeof nothing {
    const isOld = (this.state?.version ?? 0) > (this.#all[0]?.version ?? 0);
    if (!isOld) return nothing;
    return html`<button @click=${() => this.load()}>${say("history.newer")}</button>`;
  }

  /** Marks the versions that changed a place. Undefined: none. */
  #pick(change: Change | undefined): void {
    this.#picked = change;
    this.#words.pick(change && placeOf(change));
    void this.updateComplete.then(() => this.query(change ? "button.unmark" : "button.version")?.focus());
  }

  #marked(): TemplateResult | typeof nothing {
    if (!this.#picked) return nothing;
    const what = placeInWords(this.#picked.names ?? []);
    return html`<p class="row">
      <span class="spread">${say("history.picked", { what })}</span>
      <button class="unmark" @click=${() => this.#pick(undefined)}>${say("history.unpick")}</button>
    </p>`;
  }

  #list(): TemplateResult {
    const rows = sittings(this.#all);
    const older = (): void => {
      this.#most += ROWS;
      this.requestUpdate();
    };
    return html`<ol @keydown=${this.#key} part="versions" aria-label=${say("history.list")}>
        ${rows.slice(0, this.#most).map((sitting) => this.#sitting(sitting))}
      </ol>
      ${rows.length > this.#most ? html`<button @click=${older}>${say("history.older")}</button>` : nothing}`;
  }

  #sitting(sitting: Sitting): TemplateResult {
    const [newest, ...rest] = sitting;
    const isOpen = this.#open.has(newest.version);
    const toggle = (): void => {
      if (isOpen) this.#open.delete(newest.version);
      else this.#open.add(newest.version);
      this.requestUpdate();
    };
    const label = say("history.sitting", { count: rest.length });
    return html`${this.#row(newest, sitting.at(-1)!, isOpen ? [newest] : sitting)}
    ${rest.length
      ? html`<li class="more">
          <button class="bare" aria-expanded=${isOpen} @click=${toggle}>${label}</button>
        </li>`
      : nothing}
    ${isOpen ? rest.map((one) => this.#row(one, one, [one])) : nothing}`;
  }

  #row(one: RevisionMetadata, oldest: RevisionMetadata, sitting: Sitting): TemplateResult {
    const { version, name } = one;
    const isCurrent = version === this.#all[0]?.version;
    const last = sitting.at(-1)!.version;
    return html`<li data-version=${version} data-oldest=${last} class=${name ? "named" : ""}>
      <button
        class="version"
        value=${version}
        aria-current=${this.#shown === version ? "true" : nothing}
        @click=${() => {
          this.#select(version);
          void this.#reveal();
        }}
      >
        ${titleOf(one, isCurrent, this.#all)}
        ${this.#words.isMarked(version, last) ? html`<b class="mark">◆</b>` : nothing}
        <span class="words">${this.#words.of(version, last)}</span>
      </button>
      ${metaOf(one, this.#versions, oldest)}
    </li>`;
  }
}

define("savepoint-history", HistoryElement);
