/** `<savepoint-recovery>`: what earlier pages could not save. It shows nothing if there is nothing. */

import { html, nothing, type CSSResultGroup, type PropertyDeclarations, type PropertyValues, type TemplateResult } from "lit";
import type { OpenDocument } from "../document.js";
import type { Recoverable } from "../recovery.js";
import type { Server } from "../server.js";
import type { DocumentState } from "../view.js";
import "./compare.js";
import { define, DocumentElement } from "./element.js";
import { download, fileName, sizeOf } from "./files.js";
import { situation, undoRestored } from "./recovered.js";
import { recoveryLook } from "./recovery-style.js";
import { look } from "./style.js";
import { bytes, exactly, reasonOf, say, titleOf } from "./texts/index.js";
import { time } from "./time.js";

/** Documents whose restoring was told. */
const told = new WeakSet<OpenDocument>();

/** What a person put aside: it is in nobody's way. */
const QUIET: readonly (string | undefined)[] = ["kept", "discarded"];

/** What is asked for again comes as new objects. */
const isSame = (a: Recoverable, b: Recoverable): boolean => a.id === b.id && a.at === b.at && a.aside === b.aside;

export class RecoveryElement extends DocumentElement {
  static override properties: PropertyDeclarations = {
    server: { attribute: false },
    asides: { type: Boolean },
  };
  static override styles: CSSResultGroup = [look, recoveryLook];
  declare server: Server | undefined;
  /** Shows what was put aside, too, if nothing else is left. */
  declare asides: boolean;
  #all: readonly Recoverable[] = [];
  #previewed: Recoverable | undefined;
  /** What the server has of the previewed one. Undefined: nothing, or not known yet. */
  #current: string | undefined;
  /** Why the list could not be read. */
  #failed = "";
  #turn = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    const look = (): void => void (document.visibilityState === "visible" && this.load());
    document.addEventListener("visibilitychange", look);
    this.until(() => document.removeEventListener("visibilitychange", look));
  }

  protected override willUpdate(changed?: PropertyValues): void {
    super.willUpdate();
    if (changed?.has("server")) void this.load();
  }

  protected override follow(now: DocumentState): void {
    const { doc } = this;
    if (!doc || !now.recovered || now.conflict || told.has(doc)) return;
    told.add(doc);
    const text = say("recovery.restored", { when: exactly(now.recovered) });
    // Without a version from before, there is nothing to return to.
    if (now.version === undefined) return this.tell("savepoint-notice", { text });
    this.tell("savepoint-notice", { text, undo: () => undoRestored(doc, now.version!, now.dirty) });
  }

  /** Asks what is there. */
  async load(): Promise<void> {
    const { server } = this;
    if (!server) return;
    const turn = ++this.#turn;
    try {
      const all = (await server.recoverable()).sort((a, b) => b.at - a.at);
      if (turn !== this.#turn) return;
      this.#all = all;
      this.#previewed = all.find((one) => this.#previewed && isSame(one, this.#previewed));
      this.#failed = "";
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#failed = reasonOf(error);
    }
    this.requestUpdate();
  }

  async #claim(one: Recoverable): Promise<void> {
    const { id, copy, status } = await this.server!.claim(one);
    const title = titleOf(one.title);
    const isCopy = copy || !!one.aside;
    const done = status === "clean" ? (isCopy ? "recovery.copied" : "recovery.saved") : "recovery.not-yet";
    this.tell("savepoint-notice", { text: say(done, { title }) });
    if (status === "clean") this.tell("savepoint-open", { kind: isCopy ? "draft" : "session", id });
  }

  #discard(one: Recoverable): Promise<void> {
    return this.#settle(one, async () => {
      const { server } = this;
      await server!.setAside(one);
      const title = titleOf(one.title);
      if (one.aside) this.tell("savepoint-notice", { text: say("recovery.deleted", { title }) });
      else {
        const undo = async (): Promise<void> => {
          const all = await server!.recoverable();
          const found = all.find(
            ({ aside, id, content }) => aside === "discarded" && id === one.id && content === one.content,
          );
          if (!found) throw new Error(say("recovery.not-there"));
          await this.#claim(found);
          await this.load();
        };
        this.tell("savepoint-notice", { text: say("recovery.discarded", { title }), undo });
      }
    });
  }

  /** Does something that takes a row away. Keeps the focus in the list. */
  async #settle(one: Recoverable, act: () => Promise<unknown>): Promise<void> {
    const at = Math.max(0, this.#main().indexOf(one));
    await this.attempt(() => act().then(() => this.load()));
    await this.updateComplete;
    const rows = this.renderRoot.querySelectorAll("li");
    this.refocus(rows[Math.min(at, rows.length - 1)]?.querySelector("button") ?? this.query("h2"));
  }

  #main(): Recoverable[] {
    return this.#all.filter(({ aside }) => !QUIET.includes(aside));
  }

  async #preview(one: Recoverable): Promise<void> {
    this.#previewed = this.#previewed === one ? undefined : one;
    this.#current = undefined;
    this.requestUpdate();
    if (this.#previewed !== one || one.serverVersion === undefined) return;
    await this.attempt(async () => {
      const { content } = await this.server!.sessions.get(one.id);
      if (this.#previewed && isSame(this.#previewed, one)) this.#current = content;
    });
  }

  protected override render(): TemplateResult | typeof nothing {
    const main = this.#main();
    const quiet = this.#all.filter(({ aside }) => QUIET.includes(aside));
    const isShown = main.length || (this.asides && quiet.length) || this.#failed || this.error;
    if (!isShown) return nothing;
    return html`<section class="stack" aria-labelledby="heading" part="recovery">
      <h2 id="heading" tabindex="-1">${say(main.length ? "recovery.heading" : "recovery.aside")}</h2>
      ${main.length ? html`<p>${say("recovery.what", { count: main.length })}</p>` : nothing}
      ${this.#failed ? html`<p class="trouble" role="alert">${say("failed", { reason: this.#failed })}</p>` : nothing}
      ${this.trouble()}
      <ul>
        ${main.map((one) => this.#row(one))}
      </ul>
      ${quiet.length
        ? html`<details ?open=${!main.length}>
            <summary>${say("recovery.aside-count", { count: quiet.length })}</summary>
            <ul>
              ${quiet.map((one) => this.#row(one))}
            </ul>
          </details>`
        : nothing}
    </section>`;
  }

  #row(one: Recoverable): TemplateResult {
    const { content, title, at } = one;
    const text = typeof content === "string" && one.aside !== "unreadable" ? content : undefined;
    const size = bytes(sizeOf(text ?? JSON.stringify(content)));
    return html`<li class="stack">
      <p><b>${titleOf(title)}</b> · ${time(at)} · ${size} · ${situation(one)}</p>
      <div class="row">${text === undefined ? this.#damaged(one) : this.#ways(one, text)}</div>
      ${this.#previewed === one && text !== undefined ? this.#shown(one, text) : nothing}
    </li>`;
  }

  #button(key: Parameters<typeof say>[0], one: Recoverable, act: () => unknown, kind = ""): TemplateResult {
    const label = `${say(key)}: ${titleOf(one.title)}`;
    return html`<button class=${kind} aria-label=${label} ?disabled=${this.isBusy} @click=${act}>${say(key)}</button>`;
  }

  #ways(one: Recoverable, text: string): TemplateResult {
    const isMain = !QUIET.includes(one.aside);
    return html`${this.#button("recovery.preview", one, () => this.#preview(one))}
    ${this.#button(one.current || !one.isKnown ? "recovery.restore" : "recovery.copy", one, () => this.#settle(one, () => this.#claim(one)), isMain ? "main" : "")}
    ${this.#button("recovery.download", one, () => download(fileName(one.title, text), text))}
    ${this.#button(one.aside ? "recovery.delete" : "recovery.discard", one, () => this.#discard(one))}`;
  }

  #damaged(one: Recoverable): TemplateResult {
    const text = typeof one.content === "string" ? one.content : JSON.stringify(one.content, null, 2);
    return html`${this.#button("recovery.download", one, () => download(fileName(one.title, text), text), "main")}
    ${this.#button("recovery.delete", one, () => this.#discard(one))}`;
  }

  #shown(one: Recoverable, text: string): TemplateResult {
    if (this.#current === undefined) return html`<pre tabindex="0" aria-label=${say("recovery.preview")}>${text}</pre>`;
    const server = { text: this.#current, label: say("recovery.on-server"), version: one.serverVersion };
    return html`<savepoint-compare
      .from=${server}
      .to=${{ text, label: say("recovery.on-device"), at: one.at }}
    ></savepoint-compare>`;
  }
}

define("savepoint-recovery", RecoveryElement);
