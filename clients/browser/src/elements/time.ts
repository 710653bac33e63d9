/** A time, as people say it. The exact local time is shown on hover, touch and focus. */

import { css, html, type TemplateResult, type CSSResultGroup, type PropertyDeclarations } from "lit";
import { define, keepInWindow, SavepointElement } from "./element.js";
import { look } from "./style.js";
import { exactly, relatively, type Time } from "./texts/index.js";

/** Elements say the time anew this often. */
const MILLISECONDS = 30_000;

export class TimeElement extends SavepointElement {
  static override properties: PropertyDeclarations = { at: { attribute: false } };
  static override styles: CSSResultGroup = [
    look,
    css`
      :host {
        display: inline-block;
        position: relative;
      }
      time {
        text-decoration: underline dotted;
        text-underline-offset: 3px;
        white-space: nowrap;
      }
      span {
        position: absolute;
        inset-block-end: 100%;
        inset-inline-start: 0;
        z-index: 1;
        padding: 2px 8px;
        border-radius: var(--_radius);
        background: var(--_text);
        color: var(--_surface);
        white-space: nowrap;
        display: none;
      }
      time:hover + span,
      time:focus + span {
        display: block;
      }
    `,
  ];
  declare at: Time;

  override connectedCallback(): void {
    super.connectedCallback();
    const timer = setInterval(() => this.requestUpdate(), MILLISECONDS);
    this.until(() => clearInterval(timer));
  }

  #place(): void {
    const exact = this.query("span");
    if (exact) keepInWindow(exact, 4);
  }

  protected override render(): TemplateResult {
    const exact = exactly(this.at);
    return html`<time
        tabindex="0"
        datetime=${new Date(this.at).toISOString()}
        @focus=${this.#place}
        @pointerenter=${this.#place}
        >${relatively(this.at)}<b class="unseen">, ${exact}</b></time
      ><span aria-hidden="true">${exact}</span>`;
  }
}

define("savepoint-time", TimeElement);

/** Returns a time for a template. */
export const time = (at: Time): TemplateResult => html`<savepoint-time .at=${at}></savepoint-time>`;
