/** A bar for work that takes a while, with words for what was done. */

import { make } from "./page.js";

interface Progress {
  to(share: number, words: string): void;
  /** Replaces the bar by the result. */
  end(...result: Node[]): void;
}

export function progressIn(place: HTMLElement, label: string): Progress {
  const line = make("p", { textContent: label });
  const progress = make("progress", { max: 1, value: 0, ariaLabel: label });
  place.replaceChildren(line, progress);
  return {
    to(share, words) {
      progress.value = share;
      line.textContent = words;
    },
    end: (...result) => place.replaceChildren(...result),
  };
}
