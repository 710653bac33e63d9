/** What every open document of these pages has: the light, the dialogs, the guard, and its title. */

import type { DocumentState, OpenDocument, Server } from "@savepoint/client";
import type { LeaveElement } from "@savepoint/client/elements";
import { guard } from "@savepoint/client/navigation";
import { signInButton } from "./person.js";
import { element } from "./page.js";
import type { Shown } from "./shown.js";

export type Dialog = HTMLElement & { show(): Promise<string | undefined> };

export interface Opened extends Shown {
  light: HTMLElement;
  save: Dialog;
  dialogs: readonly HTMLElement[];
  /** From now on, nobody is asked. */
  unguard(): void;
}

/** Guards a document until it is left. `onState` is called with each state, also with the first one. */
export function opened(
  doc: OpenDocument,
  server: Server,
  untitled: string,
  onState: (state: DocumentState, title: string) => void,
): Opened {
  const dialog = (name: string): Dialog => element(`savepoint-${name}`, { doc, server }) as Dialog;
  const leaving = dialog("leave") as HTMLElement as LeaveElement;
  const save = dialog("save");
  const guarding = guard(doc, () => mayLeave(doc, leaving));
  const end = doc.subscribe((state) => {
    const title = state.title || untitled;
    document.title = `${state.dirty ? "• " : ""}${title} – Savepoint`;
    onState(state, title);
  });
  return {
    light: lightOf(doc),
    save,
    dialogs: [save, leaving, ...["conflict", "recovery", "oversize"].map(dialog)],
    unguard: () => guarding.stop(),
    async leave() {
      guarding.stop();
      end();
      await doc.close(); // what is not saved stays on this device
    },
  };
}

/** The light, with the way to sign in, if the platform has one. */
function lightOf(doc: OpenDocument): HTMLElement {
  const light = element("savepoint-status", { doc });
  signInButton().then(
    (button) => button && light.append(Object.assign(button, { slot: "sign-in" })),
    (error: unknown) => reportError(error),
  );
  return light;
}

/** A save that takes longer is asked about. */
const FLUSH_MS = 1_500;

/** Asks only if there is something to decide. */
async function mayLeave(doc: OpenDocument, leaving: LeaveElement): Promise<boolean> {
  const later = new Promise<DocumentState>((done) => setTimeout(() => done(doc.state), FLUSH_MS));
  const { dirty } = await Promise.race([doc.flush(), later]);
  return !dirty || (await leaving.ask()) !== "stay";
}
