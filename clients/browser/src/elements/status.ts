/** `<savepoint-status>`: the light beside the title. A word and a shape, and on a click the details. */

import { html, nothing, type PropertyValues, type TemplateResult, type CSSResultGroup } from "lit";
import type { DocumentState, Status } from "../view.js";
import { define, DocumentElement, keepInWindow } from "./element.js";
import { SHAPES } from "./shapes.js";
import { statusLook } from "./status-style.js";
import { look } from "./style.js";
import { bytes, countdown, say, titleOf } from "./texts/index.js";
import { time } from "./time.js";

/** `saving` is shown only after this, so that it does not flicker. */
const FLICKER_MS = 1_000;

const KINDS: Record<Status, keyof typeof SHAPES> = {
  clean: "good",
  dirty: "open",
  saving: "open",
  offline: "warning",
  conflict: "warning",
  signed_out: "warning",
  read_only: "warning",
  gone: "danger",
  too_large: "danger",
  no_room: "danger",
  refused: "danger",
};

/** Only in maintenance has the server words for why it takes nothing. */
const waiting = (s: DocumentState): "status.maintenance" | "status.offline" =>
  s.error ? "status.maintenance" : "status.offline";

export class StatusElement extends DocumentElement {
  static override styles: CSSResultGroup = [look, statusLook];
  #isOpen = false;
  /** What is said, which is behind the state while a save is quick. */
  #said: DocumentState | undefined;
  /** What a screen reader says. Autosaves are silent; trouble and its end are said once. */
  #spoken = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    const second = setInterval(() => this.state?.retryAt && this.requestUpdate(), 1_000);
    const resized = (): void => this.requestUpdate();
    addEventListener("resize", resized);
    this.until(() => removeEventListener("resize", resized));
    this.until(() => clearInterval(second));
    this.until(() => clearTimeout(this.#timer));
  }

  protected override follow(now: DocumentState): void {
    clearTimeout(this.#timer);
    this.#speak(now);
    if (now.status !== "saving" || !this.#said) {
      this.#said = now;
      return;
    }
    this.#timer = setTimeout(() => {
      this.#said = now;
      this.requestUpdate();
    }, FLICKER_MS);
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.dataset.status = this.state?.status ?? "";
    const details = this.query(".details");
    if (details) keepInWindow(details, 8);
  }

  /** Returns what the light says. */
  #words(s: DocumentState): string {
    const sizes = { size: bytes(s.size ?? 0), limit: bytes(s.limit ?? 0) };
    if (s.dirty && s.safe === "nowhere" && (s.status === "offline" || s.status === "signed_out")) {
      return say("status.nowhere");
    }
    switch (s.status) {
      case "clean":
        return say(s.version ? "status.clean" : "status.new");
      case "dirty":
        return say("status.dirty");
      case "saving":
        return say("status.saving");
      case "offline":
        return s.retryAt
          ? say(`${waiting(s)}-until`, { when: countdown(s.retryAt) })
          : say(waiting(s));
      case "conflict":
        return say("status.conflict");
      case "gone":
        return say("status.gone");
      case "too_large":
        return say("status.too-large", sizes);
      case "no_room":
        return say("status.no-room");
      case "read_only":
        return say("status.read-only");
      case "signed_out":
        return say("status.signed-out");
      case "refused":
        return say("status.refused", { reason: s.error ?? "" });
    }
  }

  #speak(s: DocumentState): void {
    if (s.status === "dirty" || s.status === "saving") return;
    // The countdown would be said every second.
    const words = s.status === "offline" ? say(waiting(s)) : this.#words(s);
    if (s.status !== "clean" || this.#spoken) this.#spoken = words;
  }

  #toggle(open = !this.#isOpen): void {
    this.#isOpen = open;
    this.requestUpdate();
  }

  #leave(event: FocusEvent): void {
    if (!this.renderRoot.contains(event.relatedTarget as Node | null)) this.#toggle(false);
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Escape" || !this.#isOpen) return;
    this.#toggle(false);
    this.query("button")?.focus();
  }

  protected override render(): TemplateResult | typeof nothing {
    const s = this.#said;
    if (!s) return nothing;
    const kind = s.status === "clean" && !s.version ? "open" : KINDS[s.status];
    return html`<div @focusout=${this.#leave} @keydown=${this.#key}>
      <span class="unseen" role="status">${this.#spoken}</span>
      <button
        class="light bare ${kind}"
        part="light"
        aria-expanded=${this.#isOpen}
        aria-label="${this.#words(s)}. ${say("status.details")}"
        @click=${() => this.#toggle()}
      >
        ${SHAPES[kind]}<span part="words">${this.#words(s)}</span>
      </button>
      ${this.#isOpen ? this.#details(s) : nothing}
    </div>`;
  }

  /** What helps in this state. */
  #ways(s: DocumentState): TemplateResult | typeof nothing {
    const button = (key: "status.decide" | "status.large" | "status.as-new", act: () => unknown): TemplateResult =>
      html`<button @click=${act}>${say(key)}</button>`; // one that is disabled would lose the focus
    switch (s.status) {
      case "conflict":
        return button("status.decide", () => this.#decide(s));
      case "too_large":
      case "no_room":
        return button("status.large", () => this.#decide(s));
      case "gone":
      case "read_only":
        return button("status.as-new", () => this.attempt(async () => this.doc?.saveAs(titleOf(s.title))));
      case "signed_out":
        return html`<slot name="sign-in"></slot>`;
      default:
        return nothing;
    }
  }

  #decide({ id }: DocumentState): void {
    // The details close when they lose the focus, so the dialog must return it to the light.
    this.#toggle(false);
    this.query("button")?.focus();
    this.tell("savepoint-decide", { id });
  }

  #details(s: DocumentState): TemplateResult {
    return html`<div class="details stack" part="details">
      <dl>
        <dt class="quiet">${say("status.last-saved")}</dt>
        <dd>${s.savedAt ? time(s.savedAt) : say("status.never")}</dd>
        <dt class="quiet">${say("status.version")}</dt>
        <dd>${s.version ?? "–"}</dd>
        <dt class="quiet">${say("status.where")}</dt>
        <dd>${say(`status.where.${s.safe}`)}</dd>
      </dl>
      ${s.status === "offline" && s.error ? html`<p>${s.error}</p>` : nothing}
      ${s.draft ? html`<p class="quiet">${say("status.draft")}</p>` : nothing} ${this.trouble()}
      <div class="row">
        <slot name="actions"></slot>
        ${this.#ways(s)}
        <button class="main" ?disabled=${!s.dirty && !s.draft} @click=${() => this.doc?.save()}>
          ${say("status.save-now")}
        </button>
      </div>
    </div>`;
  }
}

define("savepoint-status", StatusElement);
