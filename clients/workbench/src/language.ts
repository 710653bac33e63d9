/** What the workbench says: in English or, if that is the language of the browser, in German. */

import { fill, setTexts, type Text } from "@savepoint/client/elements";

let table: Readonly<Record<string, Text>> = {};

/** Returns a text in the language of the page. The English one is its key; of two forms, the one for many is. */
export const say = (english: Text, values: Record<string, string | number> = {}): string =>
  fill(table[typeof english === "string" ? english : english.other] ?? english, values);

/** Loads the language of the browser, and puts what stands in the page into it. */
export async function load(): Promise<void> {
  if (!/^de\b/.test(navigator.language)) return;
  try {
    const [elements, page] = await Promise.all([import("@savepoint/client/german"), import("./german.js")]);
    setTexts("de", elements.german);
    table = page.german;
  } catch (error) {
    return reportError(error); // it stays English
  }
  document.documentElement.lang = "de";
  document.querySelectorAll("nav a, .actions a").forEach((one) => (one.textContent = say(one.textContent ?? "")));
  const nav = document.querySelector("nav");
  if (nav) nav.ariaLabel = say(nav.ariaLabel ?? "");
}
