/** What stands beside the list: a document, a snapshot, or something else. Each can be left. */

import { say } from "./language.js";
import { find, make } from "./page.js";

export interface Shown {
  /** Lets go. */
  leave(): Promise<void>;
}

export const nothing: Shown = { leave: async () => undefined };

let shown: Shown = nothing;
/** The newest change wins: one before that is still opening something is given up. */
let turn = 0;

/** Leaves what is shown, and opens something else. `isCurrent` is false if the person has gone on meanwhile. */
export async function change(
  open: (isCurrent: () => boolean) => Promise<Shown>,
  fail: (error: unknown) => void,
): Promise<void> {
  const mine = ++turn;
  const isCurrent = (): boolean => mine === turn;
  const left = shown;
  shown = nothing;
  opening();
  // Saves go on behind it, and what is not saved is in the journal.
  left.leave().catch((error: unknown) => reportError(error));
  try {
    const made = await open(isCurrent);
    if (isCurrent()) shown = made;
    else await made.leave();
  } catch (error) {
    if (isCurrent()) fail(error);
  }
}

/** Replaces what is shown. The focus goes to its heading, if what had it is gone. */
export function fill(...within: (Node | string)[]): HTMLElement {
  const main = find("#shown");
  const hadFocus = main.contains(document.activeElement);
  main.replaceChildren(...within);
  if (hadFocus || isOpening) focusHeading(main.querySelector(HEADING) ? main : find("#list"));
  isOpening = false;
  return main;
}

const HEADING = "h1, h2";

/** True from the moment when something is left until the next thing is shown. */
let isOpening = false;

/** Shows at once that something else is coming: what was there cannot be edited any more. */
function opening(): void {
  const main = find("#shown");
  main.replaceChildren(make("p", { className: "quiet calm", textContent: say("Opening…") }));
  isOpening = turn > 1; // the first thing takes no focus
}

function focusHeading(within: HTMLElement): void {
  const heading = within.querySelector<HTMLElement>(HEADING);
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus();
}
