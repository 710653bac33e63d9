/** `<savepoint-confirm>`: asks before something that people may not mean, and names what it is about. */

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
  /** True if it can be undone. */
  readonly isHarmless?: boolean;
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

  /** Resolves with true if the person wants it. While another question is open, with false. */
  async ask(question: Question): Promise<boolean> {
    if (this.open) return false;
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
    const { titles } = question;
    return html`${titles?.length
        ? html`<ul tabindex="0" aria-label=${say("list.title")}>
            ${titles.map((title) => html`<li>${title}</li>`)}
          </ul>`
        : nothing}
      <p>${question.text}</p>`;
  }

  protected override buttons(): TemplateResult {
    const { action = "", isHarmless = false } = this.#question ?? {};
    return html`<button autofocus @click=${() => this.close()}>${say("cancel")}</button>
      <button class=${isHarmless ? "main" : "danger"} @click=${() => this.close("yes")}>${action}</button>`;
  }
}

define("savepoint-confirm", ConfirmElement);
