/** An example app made of modules: what was saved by an old or a newer version, or is damaged, opens and stays. */

import "@savepoint/client/elements";
import "./board.css";
import { Problem, type OpenDocument, type Server } from "@savepoint/client";
import type { LeaveElement } from "@savepoint/client/elements";
import { guard } from "@savepoint/client/navigation";
import { Board, KINDS } from "./board/modules.js";
import { mayLeave } from "./leaving.js";
import { element, make, serverFor, showPerson, words } from "./page.js";
import { change, fill, nothing, type Shown } from "./shown.js";

type Dialog = HTMLElement & { show(): Promise<string | undefined> };

const server = serverFor("board");
/** The address of what is shown. */
let current: string | undefined;

/** Opens the board of an address, or begins one. Rejects with a Problem. */
async function open(id: string, isCurrent: () => boolean): Promise<Shown> {
  const board = new Board();
  if (!id) board.begin();
  const { serialize, apply } = board;
  const doc = await server.open({ ...(id ? { id } : {}), title: "Board", serialize, apply });
  if (!isCurrent()) {
    await doc.close();
    return nothing;
  }
  board.onedit = () => doc.changed();
  const heading = make("h1", { className: "spread" });
  const leaving = element("savepoint-leave", { doc }) as LeaveElement;
  const guarding = guard(doc, () => mayLeave(doc, leaving));
  const dialogs = ["conflict", "recovery", "oversize"].map((name) => element(`savepoint-${name}`, { doc, server }));
  fill(
    make("div", { className: "tools" }, heading, element("savepoint-status", { doc })),
    toolbar(board, doc, server),
    board.told,
    board.element,
    leaving,
    ...dialogs,
  );
  const end = doc.subscribe((state) => {
    heading.textContent = state.title || "Board";
    document.title = `${state.dirty ? "• " : ""}${state.title || "Board"} – Savepoint`;
    // A link to the board, once there is something to link to.
    if (state.version || state.dirty) history.replaceState(history.state, "", `#${state.id}`);
  });
  return {
    leave: async () => {
      guarding.stop();
      end();
      await doc.close(); // what is not saved stays on this device
    },
  };
}

function toolbar(board: Board, doc: OpenDocument, server: Server): HTMLElement {
  const save = element("savepoint-save", { doc, server }) as Dialog;
  const saving = make("button", { className: "main", textContent: "Save" });
  saving.addEventListener("click", () => void save.show());
  const adding = [...KINDS].map(([kind, { name }]) => {
    const button = make("button", { textContent: `Add ${name.toLowerCase()}` });
    button.addEventListener("click", () => board.add(kind));
    return button;
  });
  return make("div", { className: "tools" }, saving, ...adding, newBoard(), save);
}

const newBoard = (): HTMLElement => make("a", { className: "button", href: "#", textContent: "New board" });

function fail(error: unknown): void {
  const isGone = error instanceof Problem && [403, 404, 410].includes(error.status);
  fill(
    make("h1", { textContent: isGone ? "There is no board here that you can open" : "The board could not be opened" }),
    make("p", { textContent: isGone ? "The link may be wrong, or it belongs to another person." : words(error) }),
    make("div", { className: "tools" }, newBoard()),
  );
}

function show(): void {
  const id = location.hash.slice(1);
  if (id && id === current) return;
  current = id;
  void change((isCurrent) => open(id, isCurrent), fail);
}

show();
addEventListener("hashchange", show);
showPerson(server);
