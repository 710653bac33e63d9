/** What was done, with the way to take it back. It stays until a person dismisses it, also if its view is gone. */

import { css, html, type TemplateResult, type CSSResultGroup } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { define, SavepointElement, type Notice } from "./element.js";
import { look } from "./style.js";
import { reasonOf, say } from "./texts/index.js";

/** A notice without a button is read and gone. */
const MILLISECONDS = 8_000;

export class NoticesElement extends SavepointElement {
  static override styles: CSSResultGroup = [
    look,
    css`
      :host {
        position: fixed;
        inset-block-end: 12px;
        inset-inline: 12px;
        z-index: 10;
        pointer-events: none;
      }
      ul {
        display: grid;
        gap: 8px;
        justify-content: center;
        list-style: none;
      }
      li {
        pointer-events: auto;
        padding: 8px 12px;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_raised);
        box-shadow: 0 4px 16px rgb(0 0 0 / 25%);
        overflow-wrap: anywhere;
      }
    `,
  ];
  #notices: readonly Notice[] = [];
  /** What had the focus before a notice. */
  #before: HTMLElement | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    const root = this.ownerDocument;
    const show = (event: Event): void => this.show((event as CustomEvent<Notice>).detail);
    root.addEventListener("savepoint-notice", show);
    this.until(() => root.removeEventListener("savepoint-notice", show));
    const focused = (event: Event): void => {
      const path = event.composedPath();
      if (!path.includes(this)) this.#before = path[0] as HTMLElement;
    };
    root.addEventListener("focusin", focused);
    this.until(() => root.removeEventListener("focusin", focused));
  }

  show(notice: Notice): void {
    this.#notices = [...this.#notices, notice];
    this.requestUpdate();
    if (!notice.undo) this.#removeLater(notice);
  }

  #removeLater(notice: Notice): void {
    setTimeout(() => {
      // Who reads it or is at its button is not interrupted.
      if (this.matches(":hover, :focus-within")) this.#removeLater(notice);
      else this.#remove(notice);
    }, MILLISECONDS);
  }

  #remove(notice: Notice): void {
    const hadFocus = this.matches(":focus-within");
    this.#notices = this.#notices.filter((one) => one !== notice);
    this.requestUpdate();
    if (hadFocus) void this.updateComplete.then(() => this.#before?.isConnected && this.refocus(this.#before));
  }

  async #undo(notice: Notice): Promise<void> {
    this.#remove(notice);
    try {
      await notice.undo?.();
    } catch (error) {
      this.show({ text: say("failed", { reason: reasonOf(error) }) });
    }
  }

  protected override render(): TemplateResult {
    return html`<div role="log" aria-live="polite"><ul>
      ${repeat(
        this.#notices,
        (notice) => notice,
        (notice) => html`<li class="row" part="notice">
          <span class="spread">${notice.text}</span>
          ${notice.undo ? html`<button @click=${() => this.#undo(notice)}>${say("undo")}</button>` : ""}
          <button class="bare" aria-label=${say("dismiss")} @click=${() => this.#remove(notice)}>✕</button>
        </li>`,
      )}
    </ul></div>`;
  }
}

define("savepoint-notices", NoticesElement);
