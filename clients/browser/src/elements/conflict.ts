/** `<savepoint-conflict>`: opens when someone else saved, and decides nothing by itself. */

import { css, html, nothing, type CSSResultGroup, type TemplateResult } from "lit";
import type { DocumentState, Status } from "../view.js";
import { DialogElement, frame } from "./dialog.js";
import { define } from "./element.js";
import type { MergeElement } from "./merge.js";
import "./merge.js";
import { look } from "./style.js";
import { exactly, say, titleOf } from "./texts/index.js";

/** The copies that were told. */
const told = new Set<string>();

type Way = "copy" | "theirs" | "mine";

export class ConflictElement extends DialogElement<Way> {
  static override styles: CSSResultGroup = [
    look,
    frame,
    css`
      dialog.wide {
        width: min(1100px, calc(100vw - 16px));
        --savepoint-compare-height: 36vh;
      }
      ul {
        list-style: none;
      }
      li {
        display: grid;
        grid-template-columns: minmax(9em, auto) 1fr;
        gap: 4px 12px;
        align-items: center;
      }
      @media (max-width: 480px) {
        li {
          grid-template-columns: 1fr;
        }
      }
    `,
  ];
  protected override readonly decides: readonly Status[] = ["conflict"];
  #isComparing = false;

  override show(): Promise<Way | undefined> {
    this.#isComparing = false;
    return super.show();
  }

  protected override follow(now: DocumentState, before: DocumentState | undefined): void {
    if (now.copied && !told.has(now.copied.id)) this.#tellCopied(now.copied);
    if (now.status === before?.status) return;
    if (now.status === "conflict") void this.show();
    else if (this.open && !this.isBusy) this.close();
  }

  #tellCopied({ id, title }: { id: string; title: string }): void {
    told.add(id);
    const doc = this.doc;
    const text = say("conflict.copied", { title: titleOf(title) });
    this.tell("savepoint-notice", { text, undo: async () => doc?.undoCopy() });
  }

  protected override heading(): string {
    return say(this.#isComparing ? "merge.heading" : "conflict.heading");
  }

  protected override body(): TemplateResult | typeof nothing {
    const conflict = this.state?.conflict;
    if (!conflict) return nothing;
    if (this.#isComparing) return html`<savepoint-merge .doc=${this.doc}></savepoint-merge>`;
    const { device, at, title } = conflict;
    const values = { title: titleOf(title), when: exactly(at), device: device ?? "" };
    return html`<p>
        ${say(device ? "conflict.what" : "conflict.what-somewhere", values)}
        ${say(this.state?.safe === "nowhere" ? "conflict.nowhere" : "conflict.kept")}
      </p>
      <ul class="stack">
        <li>
          <button aria-describedby="compare" @click=${() => this.#compare(true)}>${say("conflict.compare")}</button>
          <span id="compare">${say("conflict.compare.means")}</span>
        </li>
        ${this.#way("copy", true)}${this.#way("theirs")}${this.#way("mine")}
      </ul>
      <p class="quiet">${say("conflict.nothing-lost")}</p>`;
  }

  #way(way: Way, isFirst = false): TemplateResult {
    return html`<li>
      <button
        class=${isFirst ? "main" : ""}
        ?autofocus=${isFirst}
        ?disabled=${this.isBusy}
        aria-describedby=${way}
        @click=${() => this.#decide(way)}
      >
        ${say(`conflict.${way}`)}
      </button>
      <span id=${way}>${say(`conflict.${way}.means`)}</span>
    </li>`;
  }

  protected override buttons(): TemplateResult | typeof nothing {
    if (!this.#isComparing) return nothing;
    return html`<button @click=${() => this.#compare(false)}>${say("merge.back")}</button>
      <button class="main" ?disabled=${this.isBusy} @click=${this.#finish}>${say("merge.finish")}</button>`;
  }

  #compare(on: boolean): void {
    this.#isComparing = on;
    this.requestUpdate();
    void this.updateComplete.then(() => this.query(on ? "footer button" : "[autofocus]")?.focus());
  }

  async #finish(): Promise<void> {
    const isDone = await this.attempt(async () => this.query<MergeElement>("savepoint-merge")?.finish());
    if (isDone) this.close();
  }

  protected override updated(): void {
    this.query("dialog")?.classList.toggle("wide", this.#isComparing);
  }

  async #decide(way: Way): Promise<void> {
    await this.attempt(async () => this.doc?.resolve(way));
    // A newer version came meanwhile if it is a conflict again: the dialog says which.
    if (this.state?.status !== "conflict") this.close(way);
  }
}

define("savepoint-conflict", ConflictElement);
