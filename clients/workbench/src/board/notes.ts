/** Notes: a title and a text, which can be folded. */

import { jtd } from "@savepoint/client/jtd";
import { versions } from "@savepoint/client/schema";
import { make } from "../page.js";
import { labelled, titleField, type Kind } from "./kind.js";

interface Notes {
  settings: { title: string };
  text: string;
  view: { open: boolean };
}

const TITLE = "Notes";

export const notes: Kind<Notes> = {
  name: "Notes",
  initial: () => ({ settings: { title: TITLE }, text: "", view: { open: true } }),
  versions: versions<Notes>(
    // The first version was the text alone.
    { 2: (text) => ({ settings: { title: TITLE }, text, view: { open: true } }) },
    {
      validate: jtd({
        properties: {
          settings: { properties: { title: { type: "string" } } },
          text: { type: "string" },
          view: { properties: { open: { type: "boolean" } } },
        },
      }),
      repair,
    },
  ),
  draw(state, edited) {
    const { view } = state;
    const text = make("textarea", { value: state.text, rows: 4 });
    text.addEventListener("input", () => {
      state.text = text.value;
      edited();
    });
    const folded = make("details", { open: view.open }, make("summary", { textContent: "Title and text" }));
    folded.append(make("div", { className: "fields" }, titleField(state.settings, edited), Object.assign(labelled("Text", text), { className: "wide" })));
    folded.addEventListener("toggle", () => {
      if (view.open === folded.open) return; // the event comes for the first state, too
      view.open = folded.open;
      edited();
    });
    return [folded];
  },
};

/** Keeps the text, which is what matters, if there is one. Throws if there is none. */
function repair(value: unknown, why: string): Notes {
  const { settings, text } = value as { settings?: { title?: unknown }; text?: unknown };
  if (typeof text !== "string") throw new Error(why);
  const title = settings?.title;
  return { settings: { title: typeof title === "string" ? title : TITLE }, text, view: { open: true } };
}
