/** What makes up a page: its elements, notices, and words for errors. */

/** Returns an element of a kind with properties, and what is in it. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...within: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...within);
  return element;
}

/** Does something at each click, but not while the click before is still doing it. */
export function onClick<E extends HTMLElement>(element: E, act: () => unknown): E {
  let isBusy = false;
  element.addEventListener("click", async () => {
    if (isBusy) return;
    isBusy = true;
    try {
      await act();
    } finally {
      isBusy = false;
    }
  });
  return element;
}

/** Returns an element of the browser module or of the page, with properties. */
export const element = (name: string, properties: object = {}): HTMLElement =>
  Object.assign(document.createElement(name), properties);

export const find = <E extends HTMLElement>(selector: string): E => {
  const found = document.querySelector<E>(selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  return found;
};

export const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Tells what was done, with the way to take it back. */
export const notify = (text: string, undo?: () => Promise<unknown>): void => {
  document.dispatchEvent(new CustomEvent("savepoint-notice", { detail: undo ? { text, undo } : { text } }));
};

/** Tells the lists that something else than they has changed what they show. */
export const changed = (): void => void document.dispatchEvent(new CustomEvent("savepoint-changed"));

/** True for what is not there, has ended, or belongs to another person: nobody is told which. */
export const isGone = (error: unknown): boolean =>
  [403, 404, 410].includes((error as { status?: number }).status ?? 0);
