/** A document that is open: the editor, the light, and all that can be done with it. */

import type { OpenDocument, Server } from "@savepoint/client";
import type { SavepointEvents } from "@savepoint/client/elements";
import type { Editor } from "./editor.js";
import { say } from "./language.js";
import { opened, type Dialog, type Opened } from "./opened.js";
import { changed, element, make, notify, onClick, words } from "./page.js";
import { fill, nothing, type Shown } from "./shown.js";

interface Options {
  server: Server;
  id?: string;
  /** Called when the document has another id, or is on the server for the first time. */
  onId: (id: string) => void;
  back: string;
  /** False if the person has gone on meanwhile. */
  isCurrent: () => boolean;
}

/** Opens a document, or begins one. Rejects with a Problem. */
export async function showDocument({ server, id, onId, back, isCurrent }: Options): Promise<Shown> {
  const { Editor } = await import("./editor.js");
  const editor: Editor = new Editor();
  /** Until the editor shows it. */
  let text = "";
  let isShown = false;
  const show = (): void => editor.show(text, { label: say("Content"), readOnly: false });
  const doc = await server.open({
    ...(id ? { id } : {}),
    title: say("Untitled"),
    serialize: () => (isShown ? editor.text : text),
    apply: (content) => {
      text = content;
      if (isShown) show();
    },
  });
  if (!isCurrent()) {
    await doc.close();
    return nothing;
  }
  const heading = make("h2", { className: "spread" });
  let listed = "";
  const made = opened(doc, server, say("Untitled"), (state, title) => {
    // What the lists show of it.
    const now = state.version ? `${state.id} ${state.title} ${state.draft}` : listed;
    if (now !== listed && (listed || !id)) changed();
    listed = now;
    heading.textContent = title;
    if (state.version || state.dirty) onId(state.id);
  });
  const panel = make("div", { id: "panel" });
  editor.onedit = () => doc.changed();
  panel.addEventListener("savepoint-put", (event) => {
    // One place of an old version: the document shows it, and saves it as any edit.
    text = (event as CustomEvent<SavepointEvents["savepoint-put"]>).detail.text;
    show();
    doc.changed();
  });
  const saveAs = element("savepoint-save", { doc, server, as: true }) as Dialog;
  fill(
    make("a", { className: "back", href: back, textContent: say("Back to the list") }),
    make("div", { className: "tools" }, heading, made.light),
    toolbar(doc, server, made, saveAs, panel),
    panel,
    editor,
    saveAs,
    ...made.dialogs,
  );
  show();
  isShown = true;
  editor.focus();
  return made;
}

function toolbar(
  doc: OpenDocument,
  server: Server,
  { save, unguard }: Opened,
  saveAs: Dialog,
  panel: HTMLElement,
): HTMLElement {
  const button = (label: string, act: () => unknown): HTMLButtonElement =>
    onClick(make("button", { textContent: label }), act);
  /** A panel is opened and closed by the same button. */
  const toggle = (label: string, name: string): HTMLButtonElement => {
    const made = button(label, () => {
      const isOpen = panel.firstElementChild?.localName === name;
      panel.replaceChildren(...(isOpen ? [] : [element(name, { doc, server })]));
      toggles.forEach((one) => one.setAttribute("aria-expanded", String(one === made && !isOpen)));
    });
    made.setAttribute("aria-expanded", "false");
    return made;
  };
  const toggles = [toggle(say("History"), "savepoint-history"), toggle(say("Share"), "savepoint-share")];
  const saving = button(say("Save"), () => save.show());
  saving.className = "main";
  return make(
    "div",
    { className: "tools" },
    saving,
    button(say("Save as"), () => saveAs.show()),
    ...toggles,
    button(say("Delete"), () => remove(doc, server, unguard)),
  );
}

/** What is not saved yet is saved first, so that Undo brings it back. If that is not possible, it is put aside. */
async function remove(doc: OpenDocument, server: Server, unguard: () => void): Promise<void> {
  const { id, title } = doc.state;
  let isKept = true;
  try {
    await doc.discard();
    isKept = doc.state.version !== undefined;
    unguard();
  } catch (error) {
    return notify(say("“{title}” could not be deleted: {reason}", { title, reason: words(error) }));
  }
  location.hash = "#/sessions";
  changed();
  if (!isKept) return; // there was nothing to keep
  notify(say("“{title}” is in the trash.", { title }), async () => {
    await server.trash.restore(id);
    changed();
    location.hash = `#/session/${id}`;
  });
}
