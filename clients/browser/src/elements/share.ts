/** `<savepoint-share>`: the links to a document: create, copy, see who opened them, replace and revoke. */

import { css, html, nothing, type CSSResultGroup, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Server } from "../server.js";
import { ConfirmElement } from "./confirm.js";
import { define, DocumentElement } from "./element.js";
import { endedLinks, linksOf, renew, type Link } from "./links.js";
import { linkTo, type LinkTo } from "./link.js";
import { askToRevoke, expiry } from "./snapshots.js";
import { look } from "./style.js";
import { reasonOf, say, titleOf } from "./texts/index.js";
import { time } from "./time.js";

export class ShareElement extends DocumentElement {
  static override properties = {
    ...DocumentElement.properties,
    server: { attribute: false },
    link: { attribute: false },
  };
  static override styles: CSSResultGroup = [
    look,
    css`
      :host {
        display: block;
      }
      ul {
        list-style: none;
      }
      li {
        padding-block: 12px;
        border-block-end: 1px solid var(--_faint);
      }
      li strong {
        overflow-wrap: anywhere;
      }
    `,
  ];
  declare server: Server | undefined;
  declare link: LinkTo;
  #links: readonly Link[] | undefined;
  #ended: readonly Link[] | undefined;
  /** An encrypted link that was just created. Only this page knows its key. */
  #sealed: { title: string; url: string } | undefined;
  #shown = new Set<string>();
  /** Why the links could not be read. */
  #failed: string | undefined;
  #turn = 0;

  constructor() {
    super();
    this.link = linkTo;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.onChanges(() => this.refresh());
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("server") || changed.has("doc")) void this.refresh();
  }

  /** Asks the server again. */
  async refresh(): Promise<void> {
    const { server, doc } = this;
    const turn = ++this.#turn;
    if (!server || !doc) return;
    try {
      const [links, ended] = await Promise.all([
        linksOf(server, doc),
        this.#ended ? endedLinks(server, doc) : undefined,
      ]);
      if (turn !== this.#turn) return;
      this.#links = links;
      this.#ended = ended;
      this.#failed = undefined;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#failed = reasonOf(error);
    }
    this.requestUpdate();
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.doc) return nothing;
    return html`<div class="stack" part="share">
      <savepoint-share-form .name=${titleOf(this.state?.title)} .create=${this.#create}></savepoint-share-form>
      <div role="alert">
        ${this.#failed ? html`<p class="trouble">${say("failed", { reason: this.#failed })}</p>` : nothing}
      </div>
      ${this.trouble()} ${this.#sealedLink()}
      <h2 tabindex="-1" id="links">${say("share.links")}</h2>
      ${this.#list()} ${this.#endedList()}
      <savepoint-confirm></savepoint-confirm>
    </div>`;
  }

  #sealedLink(): TemplateResult | typeof nothing {
    if (!this.#sealed) return nothing;
    const { title, url } = this.#sealed;
    return html`<div class="stack" data-sealed>
      <p>${say("share.copy-now", { title })}</p>
      <savepoint-link .url=${url} .name=${title}></savepoint-link>
    </div>`;
  }

  #list(): TemplateResult | typeof nothing {
    if (!this.#links) return this.#failed ? nothing : html`<p class="quiet" role="status">${say("loading")}</p>`;
    if (!this.#links.length) return html`<p>${say("share.none")}</p>`;
    return html`<ul>
      ${repeat(
        this.#links,
        ({ id }) => id,
        (link, index) => html`<li class="stack" data-link=${link.id}>
          <div class="row">
            <strong class="spread">${titleOf(link.title)}</strong>
            <span class="quiet">${say("snapshots.made")} ${time(link.createdAt)}</span>
            <span class="quiet">${expiry(link)}</span>
          </div>
          <savepoint-link .url=${this.link(link.id)} .name=${titleOf(link.title)}></savepoint-link>
          ${this.#buttons(link, index)}
          ${this.#shown.has(link.id)
            ? html`<savepoint-visits .server=${this.server} .snapshot=${link.id}></savepoint-visits>`
            : nothing}
        </li>`,
      )}
    </ul>`;
  }

  #buttons(link: Link, index: number): TemplateResult {
    const title = titleOf(link.title);
    const isShown = this.#shown.has(link.id);
    return html`<div class="row">
      <button
        aria-expanded=${isShown}
        aria-label=${say("share.visitors-of", { title })}
        @click=${() => this.#toggle(link.id, !isShown)}
      >
        ${say("share.visitors")}
      </button>
      <button
        ?disabled=${this.isBusy}
        aria-label=${say("share.replace-one", { title })}
        title=${say("share.replace-hint")}
        @click=${() => this.#replace(link)}
      >
        ${say("share.replace")}
      </button>
      <button
        class="bare danger"
        ?disabled=${this.isBusy}
        aria-label=${say("snapshots.revoke-one", { title })}
        @click=${() => this.#revoke(link, index)}
      >
        ${say("snapshots.revoke")}
      </button>
    </div>`;
  }

  #endedList(): TemplateResult {
    const change = async (event: Event): Promise<void> => {
      this.#ended = (event.target as HTMLInputElement).checked ? [] : undefined;
      await this.refresh();
    };
    return html`<label class="row">
        <input type="checkbox" .checked=${!!this.#ended} @change=${change} />${say("share.show-ended")}
      </label>
      ${this.#ended
        ? html`<ul aria-label=${say("share.ended")}>
            ${this.#ended.map(
              (link) => html`<li class="row">
                <span class="spread">${titleOf(link.title)}</span>
                <span class="quiet">${say("snapshots.made")} ${time(link.createdAt)}</span>
              </li>`,
            )}
            ${this.#ended.length ? nothing : html`<li>${say("share.none-ended")}</li>`}
          </ul>`
        : nothing}`;
  }

  #toggle(id: string, isShown: boolean): void {
    if (isShown) this.#shown.add(id);
    else this.#shown.delete(id);
    this.requestUpdate();
  }

  readonly #create = async (title: string, expiresAt: string | undefined, encrypted: boolean): Promise<boolean> => {
    const options = { title, encrypted, ...(expiresAt ? { expiresAt } : {}) };
    const made = await this.#do(async () => this.doc?.share(options));
    if (!made) return false;
    this.tell("savepoint-notice", { text: say("share.created", { title }) });
    if (encrypted) {
      this.#sealed = { title, url: this.link(made.id, new URL(made.url).hash.slice(1)) };
      this.requestUpdate();
    }
    await this.#focusLink(encrypted ? undefined : made.id);
    return true;
  };

  async #replace(link: Link): Promise<void> {
    const { server } = this;
    if (!server) return;
    const made = await this.#do(() => renew(server, link));
    if (!made) return;
    this.tell("savepoint-notice", { text: say("share.replaced", { title: titleOf(link.title) }) });
    await this.#focusLink(made.id);
  }

  async #revoke(link: Link, index: number): Promise<void> {
    const { server } = this;
    if (!server || !(await askToRevoke(this.query<ConfirmElement>("savepoint-confirm"), link.title))) return;
    const isDone = await this.#do(() => server.snapshots.remove(link.id).then(() => true));
    if (isDone) this.tell("savepoint-notice", { text: say("snapshots.revoked", { title: titleOf(link.title) }) });
    await this.#focusLink(this.#links?.[Math.min(index, this.#links.length - 1)]?.id);
  }

  /** Does something, and shows what became of it. Returns undefined if it failed. */
  async #do<T>(act: () => Promise<T>): Promise<T | undefined> {
    const done = await this.attempt(() => act().finally(() => this.refresh()));
    this.tell("savepoint-changed", null);
    this.requestUpdate();
    await this.updateComplete;
    return done;
  }

  async #focusLink(id: string | undefined): Promise<void> {
    await this.updateComplete;
    const link = this.query(id ? `[data-link="${id}"] savepoint-link` : "[data-sealed] savepoint-link");
    const button = link?.shadowRoot?.querySelector<HTMLElement>("[data-copy]");
    this.refocus(button ?? this.query("#links"));
  }
}

define("savepoint-share", ShareElement);
