/** `<savepoint-leave>`: asks before an app leaves a document that is not saved. */

import { html, nothing, type TemplateResult } from "lit";
import { DialogElement } from "./dialog.js";
import { define } from "./element.js";
import { say } from "./texts/index.js";

export class LeaveElement extends DialogElement<"leave" | "stay"> {
  #isUnsaved = false;

  /** Resolves with what to do. Asks only if something is not on the server. Escape means to stay. */
  async ask(): Promise<"leave" | "stay"> {
    await this.updateComplete;
    this.#isUnsaved = false;
    return this.state?.dirty ? ((await this.show()) ?? "stay") : "leave";
  }

  protected override heading(): string {
    return say("leave.heading");
  }

  protected override body(): TemplateResult {
    return html`<p>${say(this.state?.safe === "nowhere" ? "leave.nowhere" : "leave.device")}</p>
      ${this.#isUnsaved ? html`<p class="trouble" role="alert">${say("leave.not-yet")}</p>` : nothing}`;
  }

  protected override buttons(): TemplateResult {
    const isLost = this.state?.safe === "nowhere";
    return html`<button @click=${() => this.close("stay")}>${say("leave.stay")}</button>
      <button class=${isLost ? "danger" : ""} @click=${() => this.close("leave")}>
        ${say(isLost ? "leave.lose" : "leave.leave")}
      </button>
      <button class="main" autofocus ?disabled=${this.isBusy} @click=${this.#save}>${say("leave.save")}</button>`;
  }

  async #save(): Promise<void> {
    const state = await this.attempt(async () => this.doc?.flush());
    if (!state) return;
    this.#isUnsaved = state.dirty;
    if (!this.#isUnsaved) this.close("leave");
  }
}

define("savepoint-leave", LeaveElement);
