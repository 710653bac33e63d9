/** A document that is open: the editor, the light, and all that can be done with it. */

import type { OpenDocument, Server } from "@savepoint/client";
import type { LeaveElement, SavepointEvents } from "@savepoint/client/elements";
import { guard } from "@savepoint/client/navigation";
import type { Editor } from "./editor.js";
import { mayLeave } from "./leaving.js";
import { changed, element, make, notify, signInLink, words } from "./page.js";
import { fill, nothing, type Shown } from "./shown.js";

type Dialog = HTMLElement & { show(): Promise<string | undefined> };

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
  const show = (): void => editor.show(text, { label: "Content", readOnly: false });
  const doc = await server.open({
    ...(id ? { id } : {}),
    title: "Untitled",
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
  const heading = make("h2", {});
  const parts = partsOf(doc, server);
  editor.onedit = () => doc.changed();
  fill(
    make("a", { className: "back", href: back, textContent: "Back to the list" }),
    make("div", { className: "tools" }, withClass(heading, "spread"), parts.light),
    toolbar(doc, server, parts, () => guarding.stop()),
    parts.panel,
    editor,
    ...parts.dialogs,
  );
  show();
  isShown = true;
  editor.focus();
  parts.panel.addEventListener("savepoint-put", (event) => {
    // One place of an old version: the document shows it, and saves it as any edit.
    text = (event as CustomEvent<SavepointEvents["savepoint-put"]>).detail.text;
    show();
    doc.changed();
  });
  const guarding = guard(doc, () => mayLeave(doc, parts.leaving));
  let listed = "";
  const end = doc.subscribe((state) => {
    // What the lists show of it.
    const now = state.version ? `${state.id} ${state.title} ${state.draft}` : listed;
    if (now !== listed && (listed || !id)) changed();
    listed = now;
    heading.textContent = state.title || "Untitled";
    document.title = `${state.dirty ? "• " : ""}${state.title || "Untitled"} – Savepoint`;
    if (state.version || state.dirty) onId(state.id);
  });
  return {
    leave: async () => {
      guarding.stop();
      end();
      await doc.close(); // what is not saved stays on this device
    },
  };
}

const withClass = <E extends HTMLElement>(one: E, className: string): E => Object.assign(one, { className });

function partsOf(doc: OpenDocument, server: Server) {
  const dialog = (name: string, more: object = {}): Dialog => element(name, { doc, server, ...more }) as Dialog;
  const leaving = element("savepoint-leave", { doc }) as LeaveElement;
  const save = dialog("savepoint-save");
  const saveAs = dialog("savepoint-save", { as: true });
  return {
    light: lightOf(doc),
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

/** The light, with the way to sign in, where the platform has one. */
function lightOf(doc: OpenDocument): HTMLElement {
  const light = element("savepoint-status", { doc });
  void signInLink().then((link) => link && light.append(Object.assign(link, { slot: "sign-in" })));
  return light;
}

function toolbar(
  doc: OpenDocument,
  server: Server,
  parts: ReturnType<typeof partsOf>,
  unguard: () => void,
): HTMLElement {
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
    button("Delete", () => remove(doc, server, unguard)),
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
    return notify(`“${title}” could not be deleted: ${words(error)}`);
  }
  location.hash = "#/sessions";
  changed();
  if (!isKept) return; // there was nothing to keep
  notify(`“${title}” is in the trash.`, async () => {
    await server.trash.restore(id);
    changed();
    location.hash = `#/session/${id}`;
  });
}
