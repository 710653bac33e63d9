/** What stands beside the list: a document, a snapshot, or something else. Each can be left. */

import { find } from "./page.js";

export interface Shown {
  /** Lets go. Returns false if the person stays. */
  leave(): Promise<boolean>;
}

export const nothing: Shown = { leave: async () => true };

/** Replaces what is shown. */
export function fill(...within: (Node | string)[]): HTMLElement {
  const main = find("#shown");
  main.replaceChildren(...within);
  return main;
}
