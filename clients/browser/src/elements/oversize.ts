/** `<savepoint-oversize>`: what it means that a document is too large, and what in it is large. */

import { css, html, nothing, type CSSResultGroup, type TemplateResult } from "lit";
import type { Status } from "../view.js";
import { placeInWords } from "./changes.js";
import { DialogElement, frame } from "./dialog.js";
import { define } from "./element.js";
import { download, fileName, sizeOf } from "./files.js";
import { look } from "./style.js";
import { bytes, say } from "./texts/index.js";

const PARTS = 8;

interface Part {
  name: string;
  size: number;
}

export class OversizeElement extends DialogElement {
  static override styles: CSSResultGroup = [
    look,
    frame,
    css`
      td:not(:first-child),
      th:not(:first-child) {
        text-align: end;
        white-space: nowrap;
      }
      td:first-child {
        overflow-wrap: anywhere;
      }
    `,
  ];
  protected override readonly decides: readonly Status[] = ["too_large", "no_room"];

  protected override heading(): string {
    return say(this.state?.status === "no_room" ? "size.heading-room" : "size.heading");
  }

  protected override body(): TemplateResult | typeof nothing {
    if (!this.open || !this.doc || !this.state) return nothing;
    const { status, safe, size, limit } = this.state;
    const text = this.doc.serialize();
    const isNowhere = safe === "nowhere";
    const means = isNowhere ? "size.means-nowhere" : status === "no_room" ? "size.means-room" : "size.means";
    return html`${status === "too_large"
        ? html`<p><b>${say("size.what", { size: bytes(size ?? sizeOf(text)), limit: bytes(limit ?? 0) })}</b></p>`
        : nothing}
      <p>${say(means)}</p>
      ${this.#parts(largest(text), sizeOf(text))}`;
  }

  #parts(parts: Part[], whole: number): TemplateResult | typeof nothing {
    if (!parts.length) return nothing;
    const share = (size: number): string => `${Math.round((100 * size) / whole)} %`;
    return html`<table>
      <caption class="unseen">
        ${say("size.large")}
      </caption>
      <thead>
        <tr>
          <th scope="col">${say("size.part")}</th>
          <th scope="col">${say("size.size")}</th>
          <th scope="col">${say("size.share")}</th>
        </tr>
      </thead>
      <tbody>
        ${parts.map(
          ({ name, size }) => html`<tr>
            <td>${name}</td>
            <td>${bytes(size)}</td>
            <td>${share(size)}</td>
          </tr>`,
        )}
      </tbody>
    </table>`;
  }

  protected override buttons(): TemplateResult {
    const save = (): void => {
      const text = this.doc?.serialize() ?? "";
      download(fileName(this.state?.title ?? "", text), text);
    };
    return html`<button @click=${save}>${say("size.download")}</button>
      <button class="main" autofocus @click=${() => this.close()}>${say("close")}</button>`;
  }
}

/** Returns the largest members of JSON, the largest first. Of other texts: nothing. */
function largest(text: string): Part[] {
  if (!/^\s*[{[]/.test(text)) return [];
  let value: object;
  try {
    value = JSON.parse(text) as object;
  } catch {
    return [];
  }
  return Object.entries(value)
    .map(([key, member]) => ({
      name: placeInWords([Array.isArray(value) ? String(Number(key) + 1) : key]),
      size: sizeOf(JSON.stringify(member)),
    }))
    .sort((a, b) => b.size - a.size)
    .slice(0, PARTS);
}

define("savepoint-oversize", OversizeElement);
