/** What all elements share: texts that can change, what a document shows, and the way to tell the page. */

import { html, LitElement, nothing, type CSSResultGroup, type PropertyDeclarations, type TemplateResult } from "lit";
import type { OpenDocument } from "../document.js";
import type { DocumentState } from "../view.js";
import { look } from "./style.js";
import { onTexts, reasonOf, say } from "./texts/index.js";

/** Events that elements send. They bubble, and leave shadow roots. */
export interface SavepointEvents {
  /** A person wants to see something: a session, a draft or a snapshot. */
  "savepoint-open": { kind: "session" | "draft" | "snapshot"; id: string };
  /** A person wants to decide what a document cannot decide by itself. The dialog for its state opens. */
  "savepoint-decide": { id: string };
  /** A person looks at a version of the document. */
  "savepoint-preview": { version: number; text: string };
  /** A person puts one part of an old version back. The app shows `text`, and says that it has changed. */
  "savepoint-put": { path: readonly (string | number)[]; value: unknown; text: string };
  /** Something was done that a person should know, and may take back. `savepoint-notices` shows it. */
  "savepoint-notice": Notice;
  /** What a list shows has changed: search, order, filters, page. Set as its `view`, the list shows it again. */
  "savepoint-view": { view: View };
  /** Something was deleted, restored, shared or saved. Every list asks the server again, without moving rows. */
  "savepoint-changed": null;
}

/** What a list shows, as the parameters of an address. What is not there is as at the beginning. */
export type View = Readonly<Record<string, string>>;

export interface Notice {
  text: string;
  /** Takes it back. Its label is *Undo*. */
  undo?: () => Promise<unknown>;
}

export abstract class SavepointElement extends LitElement {
  static override styles: CSSResultGroup = look;
  /** True while `attempt` does something. */
  protected isBusy = false;
  /** Why the last attempt failed, or nothing. */
  protected error = "";
  #ends: (() => void)[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(onTexts(() => this.requestUpdate()));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#ends.splice(0).forEach((end) => end());
  }

  /** Calls a function when the element leaves the page. */
  protected until(end: () => void): void {
    this.#ends.push(end);
  }

  /** Calls a function when something else in the page has changed what lists show. */
  protected onChanges(again: () => unknown): void {
    const root = this.ownerDocument;
    const listener = (event: Event): void => void (event.composedPath()[0] === this || again());
    root.addEventListener("savepoint-changed", listener);
    this.until(() => root.removeEventListener("savepoint-changed", listener));
  }

  /** Does one thing at a time: a second click meanwhile does nothing. Returns undefined then, and if it fails. */
  protected async attempt<T>(act: () => Promise<T>): Promise<T | undefined> {
    if (this.isBusy) return undefined;
    this.isBusy = true;
    this.error = "";
    this.requestUpdate();
    try {
      return await act();
    } catch (error) {
      this.error = reasonOf(error);
      return undefined;
    } finally {
      this.isBusy = false;
      this.requestUpdate();
    }
  }

  protected trouble(): TemplateResult | typeof nothing {
    if (!this.error) return nothing;
    return html`<p class="trouble" role="alert">${say("failed", { reason: this.error })}</p>`;
  }

  /** Sets the focus after something is done, unless the person has gone on to something else in the page. */
  protected refocus(element: HTMLElement | null | undefined): void {
    let at = this.ownerDocument.activeElement;
    while (at && at !== this && at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    if (!at || at === this || at === this.ownerDocument.body) element?.focus();
  }

  protected tell<Name extends keyof SavepointEvents>(name: Name, detail: SavepointEvents[Name]): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  /** Returns an element of the shadow root. */
  protected query<E extends HTMLElement = HTMLElement>(selector: string): E | null {
    return this.renderRoot.querySelector<E>(selector);
  }
}

/** An element of an open document. It follows the document's state while it is in the page. */
export abstract class DocumentElement extends SavepointElement {
  static override properties: PropertyDeclarations = { doc: { attribute: false } };
  declare doc: OpenDocument | undefined;
  protected state: DocumentState | undefined;
  #followed: OpenDocument | undefined;
  #end: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(() => this.#follow(undefined));
    this.#follow(this.doc);
  }

  protected override willUpdate(): void {
    if (this.isConnected) this.#follow(this.doc);
  }

  /** Called with each state, also with the first one. */
  protected follow(_now: DocumentState, _before: DocumentState | undefined): void {
    // For elements that do more than show it.
  }

  #follow(doc: OpenDocument | undefined): void {
    if (doc === this.#followed) return;
    this.#end?.();
    this.#followed = doc;
    this.state = undefined;
    this.#end = doc?.subscribe((now) => {
      const before = this.state;
      this.state = now;
      this.follow(now, before);
      this.requestUpdate();
    });
  }
}

/** Moves a box sideways, so that it is within the window. */
export function keepInWindow(box: HTMLElement, edge: number): void {
  box.style.translate = "";
  const { left, right } = box.getBoundingClientRect();
  box.style.translate = `${Math.max(0, edge - left) || Math.min(0, document.documentElement.clientWidth - edge - right)}px`;
}

/** Defines an element, unless another copy of the module has. */
export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}
