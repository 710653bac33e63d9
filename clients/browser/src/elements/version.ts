/** `<savepoint-version>`: one version beside the document, to be read, compared and brought back. */

import { html, nothing, type CSSResultGroup, type PropertyDeclarations, type PropertyValues, type TemplateResult } from "lit";
import type { OpenDocument } from "../document.js";
import type { Server } from "../server.js";
import type { RevisionMetadata } from "../wire.gen.js";
import { changes, comparer, type Change } from "./changes.js";
import "./compare.js";
import type { ConfirmElement } from "./confirm.js";
import "./confirm.js";
import { define, SavepointElement } from "./element.js";
import { isPart, partsOf, reversed } from "./putting.js";
import { look } from "./style.js";
import { exactly, reasonOf, say } from "./texts/index.js";
import { comparisonOf, lifeOf, nameForm, otherChooser, type Other } from "./version-parts.js";
import { versionLook } from "./version-style.js";
import type { Texts, Versions } from "./versions.js";

export class VersionElement extends SavepointElement {
  static override properties: PropertyDeclarations = {
    doc: { attribute: false },
    server: { attribute: false },
    versions: { attribute: false },
    version: { attribute: false },
    texts: { attribute: false },
    stamp: { attribute: false },
  };
  static override styles: CSSResultGroup = [look, versionLook];
  declare doc: OpenDocument;
  declare server: Server;
  declare versions: Versions;
  declare version: number;
  declare texts: Texts;
  /** Changes when the screen may have. */
  declare stamp: string;
  #other: Other = "screen";
  #text: string | undefined;
  #otherText = "";
  /** What it is compared with by now. */
  #compared: Other = "screen";
  #parts: Change[] = [];
  /** Why the texts could not be read. */
  #failed = "";
  #isNaming = false;
  #turn = 0;
  #told: number | undefined;

  get #one(): RevisionMetadata | undefined {
    return this.versions.all.find(({ version }) => version === this.version);
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("version")) {
      this.#isNaming = false;
      this.#text = undefined; // what was shown is of another version
      this.#parts = [];
      if (this.#other === this.version) this.#other = "screen";
    }
    if (["version", "versions", "stamp"].some((name) => changed.has(name))) void this.#read();
  }

  async #read(): Promise<void> {
    const one = this.#one;
    if (!one) return;
    const turn = ++this.#turn;
    const compared = this.#other;
    const old = this.versions.all.find(({ version }) => version === compared);
    try {
      const text = await this.texts.of(one);
      const other = old ? await this.texts.of(old) : this.doc.serialize();
      const parts = compared === "screen" ? (await changes(text, other)).filter(isPart) : [];
      if (turn !== this.#turn) return;
      this.#text = text;
      this.#otherText = other;
      this.#compared = compared;
      this.#parts = parts;
      this.#failed = "";
      if (this.#told !== one.version) this.tell("savepoint-preview", { version: one.version, text });
      this.#told = one.version;
    } catch (error) {
      if (turn === this.#turn) this.#failed = reasonOf(error);
    }
    this.requestUpdate();
  }

  /** Does something that changes the history. Returns whether it worked. */
  async #do(act: () => Promise<unknown>): Promise<boolean> {
    const isDone = await this.attempt(() => act().then(() => true));
    if (isDone) this.dispatchEvent(new CustomEvent("changed"));
    return isDone ?? false;
  }

  async #restore(one: RevisionMetadata): Promise<void> {
    const values = { version: String(one.version), when: exactly(one.savedAt) };
    const isMeant = await this.query<ConfirmElement>("savepoint-confirm")!.ask({
      heading: say("history.restore-heading", values),
      text: say("history.restore-what"),
      action: say("history.restore"),
      isHarmless: true,
    });
    if (!isMeant) return;
    await this.#do(async () => {
      const { doc } = this;
      const before = (await doc.flush()).version;
      const state = await doc.restore(one.version);
      if (state.dirty) throw new Error(say("save.not-yet"));
      const undo = async (): Promise<void> => {
        if (before === undefined) return;
        const { version } = await doc.restore(before);
        // Nothing happens to a document that is closed.
        if (version === state.version) throw new Error(say("history.undo-closed"));
      };
      this.tell("savepoint-notice", { text: say("history.restored", values), undo });
    });
  }

  #copy(one: RevisionMetadata): Promise<boolean> {
    return this.#do(async () => {
      const title = say("history.copy-title", { title: one.title, version: String(one.version) });
      const { id } = await this.server.sessions.copy(this.doc.id, { title, version: one.version });
      this.tell("savepoint-notice", { text: say("history.copied", { title }) });
      this.tell("savepoint-open", { kind: "session", id });
    });
  }

  async #name(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const name = String(new FormData(event.target as HTMLFormElement).get("name")).trim();
    const { version } = this;
    if (!name || !(await this.#do(() => this.server.sessions.name(this.doc.id, version, name)))) return;
    if (version !== this.version) return;
    this.#isNaming = false;
    this.requestUpdate();
    await this.#focus("button.name");
  }

  /** What had the focus is gone. */
  async #focus(selector: string): Promise<void> {
    await this.updateComplete;
    this.refocus(this.query(selector));
  }

  /** The positions of a change are those of the text that it was compared with. */
  #put(change: Change): Promise<unknown> {
    const isItem = typeof change.path.at(-1) === "number" && change.kind !== "changed";
    const compared = this.#otherText;
    return this.attempt(async () => {
      const { isAsBefore, withPart } = await comparer();
      const put = (value: unknown, seen: string): string => {
        const now = this.doc.serialize();
        if (!isAsBefore(change.path, seen, now)) throw new Error(say("history.put-stale"));
        this.tell("savepoint-put", { path: change.path, value, text: withPart(now, change.path, value, isItem) });
        void this.#read();
        return this.doc.serialize();
      };
      const done = put(change.before, compared);
      const undo = async (): Promise<void> => {
        if (!this.isConnected) throw new Error(say("history.undo-closed"));
        put(change.after, done);
      };
      const text = say("history.put-done", { what: reversed(change), version: String(this.version) });
      this.tell("savepoint-notice", { text, undo });
      void this.#focus("summary");
    }).finally(() => void this.#read());
  }

  protected override render(): TemplateResult | typeof nothing {
    const one = this.#one;
    if (!one) return nothing;
    const isCurrent = one.version === this.versions.all[0]?.version;
    const version = String(one.version);
    return html`<section class="stack" aria-labelledby="heading" part="preview">
        <h2 id="heading">${say("history.preview", { version, when: exactly(one.savedAt) })}</h2>
        <p class="quiet">
          ${say(isCurrent ? "history.current-what" : "history.preview-what")} ${lifeOf(one, this.versions)}
        </p>
        <div class="row">${this.#actions(one, isCurrent)}</div>
        ${this.#isNaming ? nameForm(one, (event) => this.#name(event)) : nothing}
        ${this.trouble()} ${this.#text === undefined ? this.#waiting() : this.#content(one, this.#text)}
      </section>
      <savepoint-confirm></savepoint-confirm>`;
  }

  #waiting(): TemplateResult {
    return this.#failed
      ? html`<p class="trouble" role="alert">${say("failed", { reason: this.#failed })}</p>`
      : html`<p class="quiet" role="status">${say("loading")}</p>`;
  }

  #actions(one: RevisionMetadata, isCurrent: boolean): TemplateResult {
    const version = String(one.version);
    const rename = (): void => {
      this.#isNaming = true;
      this.requestUpdate();
      void this.updateComplete.then(() => this.query("input")?.focus());
    };
    const unname = async (): Promise<void> => {
      await this.#do(() => this.server.sessions.name(this.doc.id, one.version, null));
      await this.#focus("button.name");
    };
    return html`${isCurrent
        ? nothing
        : html`<button class="main" aria-label=${say("history.restore-one", { version })} @click=${() => this.#restore(one)}>
            ${say("history.restore")}
          </button>`}
      <button class="name" @click=${rename}>${say(one.name ? "history.rename" : "history.name")}</button>
      ${one.name ? html`<button @click=${unname}>${say("history.unname")}</button>` : nothing}
      <button ?disabled=${this.isBusy} @click=${() => this.#copy(one)}>${say("history.copy")}</button>`;
  }

  #content(one: RevisionMetadata, text: string): TemplateResult {
    const choose = (other: Other): void => {
      this.#other = other;
      void this.#read();
    };
    return html`${otherChooser(one, this.versions.all, this.#other, choose)}
      ${this.#compared === "none"
        ? html`<pre tabindex="0" aria-label=${say("history.text")}>${text}</pre>`
        : comparisonOf(one, text, this.versions.all.find(({ version }) => version === this.#compared), this.#otherText)}
      ${partsOf(
        this.#parts,
        (change) => this.#put(change),
        (change) => this.dispatchEvent(new CustomEvent("pick", { detail: change })),
      )}`;
  }
}

define("savepoint-version", VersionElement);
