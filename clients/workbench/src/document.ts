/** A document that is open: the editor, the light, and all that can be done with it. */

import type { OpenDocument, Server } from "@savepoint/client";
import type { Editor } from "./editor.js";
import { element, make, notify, words } from "./page.js";
import { fill, type Shown } from "./shown.js";

type Dialog = HTMLElement & { show(): Promise<string | undefined> };
type Leaving = HTMLElement & { ask(): Promise<"save" | "leave" | "stay"> };

interface Options {
  server: Server;
  id?: string;
  /** Called when the document has another id, or is on the server for the first time. */
  onId: (id: string) => void;
  back: string;
}

/** Opens a document, or begins one. Rejects with a Problem. */
export async function showDocument({ server, id, onId, back }: Options): Promise<Shown> {
  const { Editor } = await import("./editor.js");
  const editor: Editor = new Editor();
  let text = "";
  const show = (): void => editor.show(text, { label: "Content", readOnly: false });
  const doc = await server.open({
    ...(id ? { id } : {}),
    title: "Untitled",
    serialize: () => (editor.isConnected ? editor.text : text),
    apply: (content) => {
      text = content;
      if (editor.isConnected) show();
    },
  });
  const heading = make("h1", {});
  const parts = partsOf(doc, server);
  editor.onedit = () => doc.changed();
  fill(
    make("a", { className: "back", href: back, textContent: "Back to the list" }),
    make("div", { className: "tools" }, withClass(heading, "spread"), parts.light),
    toolbar(doc, server, parts),
    parts.panel,
    editor,
    ...parts.dialogs,
  );
  show();
  editor.focus();
  const end = doc.subscribe((state) => {
    heading.textContent = state.title || "Untitled";
    document.title = `${state.dirty ? "• " : ""}${state.title || "Untitled"} – Savepoint`;
    if (state.version || state.dirty) onId(state.id);
  });
  return { leave: () => leave(doc, parts.leaving, end) };
}

const withClass = <E extends HTMLElement>(one: E, className: string): E => Object.assign(one, { className });

function partsOf(doc: OpenDocument, server: Server) {
  const dialog = (name: string, more: object = {}): Dialog => element(name, { doc, server, ...more }) as Dialog;
  const leaving = element("savepoint-leave", { doc }) as Leaving;
  const save = dialog("savepoint-save");
  const saveAs = dialog("savepoint-save", { as: true });
  return {
    light: element("savepoint-status", { doc }),
    panel: make("div", { id: "panel" }),
    leaving,
    save,
    saveAs,
    dialogs: [
      save,
      saveAs,
      leaving,
      ...["conflict", "recovery", "oversize"].map((name) => dialog(`savepoint-${name}`)),
    ],
  };
}

function toolbar(doc: OpenDocument, server: Server, parts: ReturnType<typeof partsOf>): HTMLElement {
  const button = (label: string, act: () => unknown): HTMLButtonElement => {
    const made = make("button", { textContent: label });
    made.addEventListener("click", () => void act());
    return made;
  };
  /** A panel is opened and closed by the same button. */
  const toggle = (label: string, name: string): HTMLButtonElement => {
    const made = button(label, () => {
      const isOpen = parts.panel.firstElementChild?.localName === name;
      parts.panel.replaceChildren(...(isOpen ? [] : [element(name, { doc, server })]));
      toggles.forEach((one) => one.setAttribute("aria-expanded", String(one === made && !isOpen)));
    });
    made.setAttribute("aria-expanded", "false");
    return made;
  };
  const toggles = [toggle("History", "savepoint-history"), toggle("Share", "savepoint-share")];
  const save = button("Save", () => parts.save.show());
  save.className = "main";
  return make(
    "div",
    { className: "tools" },
    save,
    button("Save as", () => parts.saveAs.show()),
    ...toggles,
    button("Delete", () => remove(doc, server)),
  );
}

async function remove(doc: OpenDocument, server: Server): Promise<void> {
  const { id, title } = doc.state;
  try {
    await doc.discard();
  } catch (error) {
    return notify(`“${title}” could not be deleted: ${words(error)}`);
  }
  location.hash = "#/sessions";
  notify(`“${title}” is in the trash.`, async () => {
    await server.trash.restore(id);
    location.hash = `#/session/${id}`;
  });
}

/** Nothing is lost by leaving: what is not saved stays on this device. Asks only if there is something to decide. */
async function leave(doc: OpenDocument, leaving: Leaving, end: () => void): Promise<boolean> {
  const state = await doc.flush();
  if (state.dirty && customElements.get("savepoint-leave")) {
    const answer = await leaving.ask();
    if (answer === "stay") return false;
    if (answer === "save") await doc.save();
  }
  end();
  await doc.close();
  return true;
}
