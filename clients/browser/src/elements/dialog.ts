/** The frame of all dialogs, over `<dialog>`: heading, keyboard, focus and the answer. */

import { css, html, nothing, type TemplateResult, type CSSResultGroup } from "lit";
import type { Status } from "../view.js";
import { DocumentElement, type SavepointEvents } from "./element.js";
import { look } from "./style.js";
import { say } from "./texts/index.js";

export const frame = css`
  dialog {
    width: min(var(--savepoint-dialog-width, 560px), calc(100vw - 16px));
    max-height: calc(100dvh - 16px);
    padding: 0;
    border: 1px solid var(--_faint);
    border-radius: calc(var(--_radius) * 2);
    background: var(--_surface);
    color: var(--_text);
    box-shadow: 0 8px 40px rgb(0 0 0 / 35%);
    overflow: auto;
  }
  dialog::backdrop {
    background: rgb(0 0 0 / 45%);
  }
  .frame {
    padding: 20px;
  }
  header {
    display: flex;
    gap: 8px;
    align-items: start;
    justify-content: space-between;
  }
  header h2 {
    overflow-wrap: anywhere;
  }
  footer {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    justify-content: flex-end;
  }
`;

/** A dialog that a person answers. `show` resolves with the answer, or undefined if there was none. */
export abstract class DialogElement<Answer extends string = string> extends DocumentElement {
  static override styles: CSSResultGroup = [look, frame];
  /** The states of the document in which the light leads here. */
  protected readonly decides: readonly Status[] = [];
  #answer: ((answer: Answer | undefined) => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    const root = this.ownerDocument;
    const decide = (event: Event): void => {
      const { id } = (event as CustomEvent<SavepointEvents["savepoint-decide"]>).detail;
      if (this.state?.id === id && this.decides.includes(this.state.status)) void this.show();
    };
    root.addEventListener("savepoint-decide", decide);
    this.until(() => root.removeEventListener("savepoint-decide", decide));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.close(); // who asked gets an answer
  }

  protected abstract heading(): string;
  /** What stands between the heading and the buttons. */
  protected abstract body(): TemplateResult | typeof nothing;
  /** The buttons. The one with `autofocus` has the focus first: the one that does no harm. */
  protected abstract buttons(): TemplateResult | typeof nothing;

  get open(): boolean {
    return this.query<HTMLDialogElement>("dialog")?.open ?? false;
  }

  /** Opens the dialog, if it is not open. Resolves when it is closed or leaves the page. Escape answers nothing. */
  async show(): Promise<Answer | undefined> {
    if (!this.isConnected) return undefined;
    await this.updateComplete;
    const dialog = this.query<HTMLDialogElement>("dialog");
    if (!dialog || dialog.open || !this.isConnected) return undefined;
    const answered = new Promise<Answer | undefined>((done) => (this.#answer = done));
    this.error = "";
    this.requestUpdate();
    dialog.showModal();
    await this.updateComplete;
    this.query("[autofocus]")?.focus();
    return answered;
  }

  /** Closes the dialog with an answer. */
  close(answer?: Answer): void {
    const done = this.#answer;
    this.#answer = undefined;
    this.query<HTMLDialogElement>("dialog")?.close();
    done?.(answer);
  }

  protected override render(): TemplateResult {
    // A click on the backdrop closes nothing: it is easily done by mistake.
    // The event comes later: by then, the dialog may be open again.
    return html`<dialog part="dialog" aria-labelledby="heading" @close=${() => this.open || this.close()}>
      <div class="frame stack">
        <header>
          <h2 id="heading" part="heading">${this.heading()}</h2>
          <button class="bare" part="close" aria-label=${say("close")} @click=${() => this.close()}>✕</button>
        </header>
        ${this.body()} ${this.trouble()}
        <footer part="buttons">${this.buttons()}</footer>
      </div>
    </dialog>`;
  }
}
