/** A module on the board: its heading, what its kind draws, and the button that removes it. */

import type { Module } from "@savepoint/client/schema";
import { make } from "../page.js";
import type { Kind } from "./kind.js";

interface Acts {
  edited(): void;
  remove(): void;
  /** Called if a text is loaded that does not have the module. */
  gone(): void;
}

export class Panel {
  readonly element: HTMLElement;
  readonly module: Module;
  /** Whether only a newer version of the page can show what was saved. Set it before the state is applied. */
  isNewer = false;
  readonly #kind: Kind;
  readonly #edited: () => void;
  #state: { settings: { title: string } };
  /** Whether what is drawn says that it is of a newer version. Undefined: nothing is drawn yet. */
  #drawnNewer: boolean | undefined;
  readonly #heading = make("h2", { className: "spread" });
  readonly #remove = make("button", { textContent: "Remove" });
  readonly #body = make("div", { className: "stack" });

  constructor(kind: Kind, id: string, { edited, remove, gone }: Acts) {
    this.#kind = kind;
    this.#edited = edited;
    this.#state = kind.initial();
    this.#heading.id = `${id}-name`;
    this.#remove.addEventListener("click", remove);
    const head = make("div", { className: "tools" }, this.#heading, this.#remove);
    this.element = make("article", { className: "card stack", tabIndex: -1 }, head, this.#body);
    this.element.setAttribute("aria-labelledby", this.#heading.id);
    this.module = { ...kind, serialize: () => this.#state, apply: (state) => this.show(state), gone };
  }

  /** Its kind and title, such as `Chart “Speed”`. */
  get name(): string {
    const { name } = this.#kind;
    return this.isNewer ? `${name} of a newer version` : `${name} “${this.#state.settings.title}”`;
  }

  get state(): object {
    return this.#state;
  }

  /** Shows a state. What is shown already is not drawn again, so that a field keeps the focus. */
  show(state: { settings: { title: string } }): void {
    const isShown = this.#drawnNewer === this.isNewer && JSON.stringify(state) === JSON.stringify(this.#state);
    if (isShown) return;
    this.#state = state;
    this.#drawnNewer = this.isNewer;
    this.#entitle();
    if (this.isNewer) this.#body.replaceChildren(make("p", { textContent: NEWER }));
    else this.#body.replaceChildren(...this.#kind.draw(state, () => this.#change()));
  }

  #change(): void {
    this.#entitle();
    this.#edited();
  }

  #entitle(): void {
    this.#heading.textContent = this.name;
    this.#remove.setAttribute("aria-label", `Remove ${this.name}`);
    this.#remove.hidden = this.isNewer; // only who can see what it is can decide that
  }
}

const NEWER = "A newer version of this page saved it. It stays as it is, and is saved with the rest.";
