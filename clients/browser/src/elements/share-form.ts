/** The form of a new link. It says when the link will expire, before it is created. */

import { css, html, type CSSResultGroup, type PropertyDeclarations, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import { define, SavepointElement } from "./element.js";
import { look } from "./style.js";
import { exactly, say } from "./texts/index.js";

const DAY_MS = 86_400_000;
/** In days. 0 is no date. */
const TERMS = [7, 30, 90, 365, 0] as const;
const TITLE_MAX = 255;

export class ShareFormElement extends SavepointElement {
  static override properties: PropertyDeclarations = { name: { type: String }, create: { attribute: false } };
  static override styles: CSSResultGroup = [
    look,
    css`
      :host {
        display: block;
      }
      form {
        display: flex;
        flex-wrap: wrap;
        gap: 8px 12px;
        align-items: end;
        margin-block-end: 12px;
      }
      label {
        display: grid;
        gap: 4px;
      }
      label:first-of-type {
        flex: 1 1 14em;
      }
      .encrypt {
        flex: 0 0 100%;
        flex-wrap: nowrap;
      }
    `,
  ];
  /** The title that is offered. */
  declare name: string;
  /** Resolves with whether there is a link now. */
  declare create: (title: string, expiresAt: string | undefined, encrypted: boolean) => Promise<boolean>;
  #isEncrypted = false;
  #days: number = TERMS[1];
  /** What a person has typed, until there is a link with it. */
  #typed: string | undefined;

  #end(): Date | undefined {
    return this.#days ? new Date(Date.now() + this.#days * DAY_MS) : undefined;
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const title = String(new FormData(event.target as HTMLFormElement).get("title")).trim();
    const isMade = await this.attempt(() => this.create(title, this.#end()?.toISOString(), this.#isEncrypted));
    if (isMade) this.#typed = undefined;
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    const change = (event: Event): void => {
      this.#days = Number((event.target as HTMLSelectElement).value);
      this.requestUpdate();
    };
    const encrypt = (event: Event): void => {
      this.#isEncrypted = (event.target as HTMLInputElement).checked;
      this.requestUpdate();
    };
    const type = (event: Event): void => void (this.#typed = (event.target as HTMLInputElement).value);
    const end = this.#end();
    // The server can read the title, so that of the document is not offered.
    const name = this.#isEncrypted ? say("share.encrypted-title") : this.name;
    return html`<form @submit=${this.#submit}>
        <label>
          ${say("list.title")}
          <input name="title" required maxlength=${TITLE_MAX} .value=${live(this.#typed ?? name)} @input=${type} />
        </label>
        <label>
          ${say("snapshots.expires")}
          <select @change=${change}>
            ${TERMS.map(
              (days) => html`<option value=${days} .selected=${live(days === this.#days)}>
                ${days ? say("share.days", { count: days }) : say("share.no-date")}
              </option>`,
            )}
          </select>
        </label>
        <button class="main" ?disabled=${this.isBusy}>${say("share.create")}</button>
        <label class="row encrypt">
          <input type="checkbox" .checked=${live(this.#isEncrypted)} @change=${encrypt} />${say("share.encrypt")}
        </label>
      </form>
      <p class="quiet">
        ${end ? say("share.until", { when: exactly(end.getTime()) }) : say("share.until-server")} ${say(this.#isEncrypted ? "share.what-encrypted" : "share.what")}
      </p>`;
  }
}

define("savepoint-share-form", ShareFormElement);
