/** `<savepoint-save>`: keeps the document under a title, or with `as` goes on under a new one. */

import { css, html, nothing, type TemplateResult, type CSSResultGroup, type PropertyDeclarations } from "lit";
import { DialogElement, frame } from "./dialog.js";
import { define } from "./element.js";
import { look } from "./style.js";
import { say } from "./texts/index.js";

const TITLE_MAX = 255;
const DESCRIPTION_MAX = 2_000;

export class SaveElement extends DialogElement<"saved"> {
  static override properties: PropertyDeclarations = { as: { type: Boolean } };
  static override styles: CSSResultGroup = [
    look,
    frame,
    css`
      label {
        display: grid;
        gap: 4px;
      }
      textarea {
        min-height: 5em;
        padding: 6px 12px;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_surface);
      }
    `,
  ];
  declare as: boolean;
  #isUnsaved = false;

  protected override heading(): string {
    return say(this.as ? "save.heading-as" : "save.heading");
  }

  /** Later changes of the title do not change what somebody types. */
  override async show(): Promise<"saved" | undefined> {
    if (this.open || !this.isConnected) return undefined;
    this.#isUnsaved = false;
    await this.updateComplete;
    const field = (name: string) => this.query<HTMLInputElement>(`[name=${name}]`) ?? { value: "" };
    field("title").value = this.state?.title ?? "";
    field("description").value = "";
    return super.show();
  }

  protected override body(): TemplateResult {
    return html`<form id="form" class="stack" @submit=${this.#submit}>
      <label>
        ${say("save.title")}
        <input name="title" required maxlength=${TITLE_MAX} autofocus />
      </label>
      ${this.as
        ? nothing
        : html`<label>
            ${say("save.description")}
            <textarea name="description" maxlength=${DESCRIPTION_MAX}></textarea>
          </label>`}
      <p class="quiet">${say(this.as ? "save.hint-as" : "save.hint")}</p>
      ${this.#isUnsaved ? html`<p class="trouble" role="alert">${say("save.not-yet")}</p>` : nothing}
    </form>`;
  }

  protected override buttons(): TemplateResult {
    return html`<button @click=${() => this.close()}>${say("cancel")}</button>
      <button class="main" form="form" ?disabled=${this.isBusy}>${say(this.as ? "save.save-as" : "save.save")}</button>`;
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const title = String(form.get("title")).trim();
    const description = String(form.get("description") ?? "").trim();
    this.#isUnsaved = false;
    const state = await this.attempt(async () =>
      this.as ? this.doc?.saveAs(title) : this.doc?.save({ title, ...(description ? { description } : {}) }),
    );
    if (state && !state.dirty) return this.close("saved");
    this.#isUnsaved = !!state;
    this.requestUpdate();
  }
}

define("savepoint-save", SaveElement);
