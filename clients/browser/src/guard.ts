/** Asks before the page is left, as long as something would be lost. Returns what looks whether that is so. */

import type { Managed } from "./document.js";

export function createGuard(documents: Set<Managed>): () => void {
  const ask = (event: Event): void => event.preventDefault();
  return () => {
    // Adding it twice is adding it once. Without it, Firefox keeps the page in its back/forward cache.
    if ([...documents].some((one) => one.unsafe())) addEventListener("beforeunload", ask);
    else removeEventListener("beforeunload", ask);
  };
}
