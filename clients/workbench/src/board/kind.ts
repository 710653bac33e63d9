/** What the kinds of modules on a board have in common. */

import type { Module } from "@savepoint/client/schema";
import { make } from "../page.js";

/** A kind of module. Its state has `settings`, which say what it is, and `view`, which says how it is looked at. */
export interface Kind<S extends { settings: { title: string } } = any>
  extends Pick<Module<S>, "initial" | "isValid" | "fixup">,
    Required<Pick<Module<S>, "versions">> {
  readonly name: string;
  /** Returns what shows a state. It changes the state in place, and calls `edited` then. */
  draw(state: S, edited: () => void): Node[];
}

/** Returns a field for the title of a module, which each kind has. */
export function titleField(settings: { title: string }, edited: () => void): HTMLElement {
  const input = make("input", { value: settings.title, maxLength: 60 });
  input.addEventListener("input", () => {
    settings.title = input.value;
    edited();
  });
  return labelled("Title", input);
}

export const labelled = (label: string, field: HTMLElement): HTMLElement => make("label", {}, label, field);
