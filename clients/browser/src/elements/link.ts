/** `<savepoint-link>`: copies a link. If the browser does not let it, the link stands there, selected. */

import { css, html, nothing, type CSSResultGroup, type PropertyDeclarations, type TemplateResult } from "lit";
import { define, SavepointElement } from "./element.js";
import { look } from "./style.js";
import { say } from "./texts/index.js";

export class LinkElement extends SavepointElement {
  static override properties: PropertyDeclarations = {
    url: { type: String },
    name: { type: String },
    bare: { type: Boolean },
  };
  static override styles: CSSResultGroup = [
    look,
    css`
      :host {
        display: inline-flex;
        flex-wrap: wrap;
        gap: 8px;
        align-items: center;
        max-width: 100%;
      }
      input {
        flex: 1 1 16em;
        min-width: 0;
        max-width: 100%;
      }
    `,
  ];
  declare url: string;
  /** The title of what it leads to. */
  declare name: string;
  /** True to show only the button, until copying fails. */
  declare bare: boolean;
  #said = "";
  #hasFailed = false;

  async #copy(): Promise<void> {
    let words: string;
    try {
      await navigator.clipboard.writeText(this.url);
      this.#hasFailed = false;
      words = say("link.copied");
    } catch {
      // No permission, or no secure context. Then the person copies it.
      this.#hasFailed = true;
      words = say("link.by-hand");
    }
    // A screen reader says only what differs, and this is said each time.
    this.#said = this.#said === words ? `${words}\u00a0` : words;
    this.requestUpdate();
    await this.updateComplete;
    if (this.#hasFailed) this.query<HTMLInputElement>("input")?.select();
  }

  protected override render(): TemplateResult {
    return html`${this.bare && !this.#hasFailed
        ? nothing
        : html`<input readonly dir="ltr" aria-label=${say("link.of", { title: this.name })} .value=${this.url} />`}
      <button data-copy aria-label=${say("link.copy-one", { title: this.name })} @click=${() => this.#copy()}>
        ${say("link.copy")}
      </button>
      <span role="status" class="quiet">${this.#said}</span>`;
  }
}

define("savepoint-link", LinkElement);

/** Makes the address under which an app shows a snapshot. An encrypted one has a key, which belongs after the #. */
export type LinkTo = (id: string, key?: string) => string;

/** The address on the page that comes with the server. */
export const linkTo: LinkTo = (id, key) => new URL(`#/snapshot/${id}${key ? `/${key}` : ""}`, location.href).href;

/** Returns the link for a row. */
export const linkOf = (url: string, title: string): TemplateResult =>
  html`<savepoint-link bare .url=${url} .name=${title}></savepoint-link>`;
