/** What stands beside the list: a document, a snapshot, or something else. Each can be left. */

import { find } from "./page.js";

export interface Shown {
  /** Lets go. */
  leave(): Promise<void>;
}

export const nothing: Shown = { leave: async () => undefined };

/** Replaces what is shown. */
export function fill(...within: (Node | string)[]): HTMLElement {
  const main = find("#shown");
  main.replaceChildren(...within);
  return main;
}
