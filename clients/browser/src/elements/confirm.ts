/** `<savepoint-confirm>`: asks before something that cannot be undone, and names what it is about. */

import { css, html, nothing, type CSSResultGroup, type TemplateResult } from "lit";
import { DialogElement, frame } from "./dialog.js";
import { define } from "./element.js";
import { look } from "./style.js";
import { say } from "./texts/index.js";

export interface Question {
  readonly heading: string;
  readonly text: string;
  /** What the button says, such as *Delete for good*. */
  readonly action: string;
  /** The titles of what it is about. */
  readonly titles?: readonly string[];
  /** How many more there are than the titles. */
  readonly more?: number;
}

export class ConfirmElement extends DialogElement<"yes"> {
  static override styles: CSSResultGroup = [
    look,
    frame,
    css`
      ul {
        max-height: 40vh;
        overflow: auto;
        padding-inline-start: 20px;
        overflow-wrap: anywhere;
      }
    `,
  ];
  #question: Question | undefined;

  /** Resolves with true if the person wants it. */
  async ask(question: Question): Promise<boolean> {
    this.#question = question;
    this.requestUpdate();
    return (await this.show()) === "yes";
  }

  protected override heading(): string {
    return this.#question?.heading ?? "";
  }

  protected override body(): TemplateResult | typeof nothing {
    const question = this.#question;
    if (!question) return nothing;
    const { titles, more } = question;
    return html`${titles?.length
        ? html`<ul tabindex="0" aria-label=${say("list.title")}>
            ${titles.map((title) => html`<li>${title}</li>`)} ${more ? html`<li>${say("confirm.more", { count: more })}</li>` : nothing}
          </ul>`
        : nothing}
      <p>${question.text}</p>`;
  }

  protected override buttons(): TemplateResult {
    return html`<button autofocus @click=${() => this.close()}>${say("cancel")}</button>
      <button class="danger" @click=${() => this.close("yes")}>${this.#question?.action ?? ""}</button>`;
  }
}

define("savepoint-confirm", ConfirmElement);
