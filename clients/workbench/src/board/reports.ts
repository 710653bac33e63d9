/** What happened to modules when a board was opened, in words. */

import type { Report } from "@savepoint/client/schema";

/** Returns a sentence or two. `name` is that of the module, if it is shown. */
export function inWords({ id, outcome, why }: Report, name = `Module “${id}”`): string {
  switch (outcome) {
    case "migrated":
      return `${name} was brought up to date ${why}.`;
    case "repaired":
      return `${name} was repaired: ${why}.`;
    case "kept":
      return `${name} cannot be shown here: ${why}. It stays as it is, and is saved with the rest.`;
    case "initial":
      return `${name} begins anew: ${why}. What was saved is kept aside in the document.`;
    case "aside":
      return "A part of the document is damaged. It is kept aside in the document.";
  }
}
