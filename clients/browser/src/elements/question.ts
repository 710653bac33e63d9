/** `<savepoint-question>`: one question before something that people may not mean. */

import { html, type PropertyDeclarations, type TemplateResult } from "lit";
import { DialogElement } from "./dialog.js";
import { define } from "./element.js";
import { say } from "./texts/index.js";

interface Question {
  heading: string;
  text: string;
  /** The label of the button that does it. */
  act: string;
}

export class QuestionElement extends DialogElement<"yes"> {
  static override properties: PropertyDeclarations = { question: { state: true } };
  declare question: Question;

  async ask(question: Question): Promise<boolean> {
    this.question = question;
    return (await this.show()) === "yes";
  }

  protected override heading(): string {
    return this.question?.heading ?? "";
  }

  protected override body(): TemplateResult {
    return html`<p>${this.question?.text}</p>`;
  }

  protected override buttons(): TemplateResult {
    return html`<button autofocus @click=${() => this.close()}>${say("cancel")}</button>
      <button class="main" @click=${() => this.close("yes")}>${this.question?.act}</button>`;
  }
}

define("savepoint-question", QuestionElement);
