/** An example app made of modules: what was saved by an old or a newer version, or is damaged, opens and stays. */

import "@savepoint/client/elements";
import "./board.css";
import { Board, KINDS } from "./board/modules.js";
import { opened, type Opened } from "./opened.js";
import { isGone, make, words } from "./page.js";
import { serverFor, showPerson } from "./person.js";
import { change, fill, nothing, type Shown } from "./shown.js";

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
  const made = opened(doc, server, "Board", (state, title) => {
    heading.textContent = title;
    // A link to the board, once there is something to link to.
    if (state.version || state.dirty) history.replaceState(history.state, "", `#${state.id}`);
  });
  fill(
    make("div", { className: "tools" }, heading, made.light),
    toolbar(board, made),
    board.told,
    board.element,
    ...made.dialogs,
  );
  return made;
}

function toolbar(board: Board, { save }: Opened): HTMLElement {
  const saving = make("button", { className: "main", textContent: "Save" });
  saving.addEventListener("click", () => void save.show());
  const adding = [...KINDS].map(([kind, { name }]) => {
    const button = make("button", { textContent: `Add ${name.toLowerCase()}` });
    button.addEventListener("click", () => board.add(kind));
    return button;
  });
  return make("div", { className: "tools" }, saving, ...adding, newBoard());
}

const newBoard = (): HTMLElement => make("a", { className: "button", href: "#", textContent: "New board" });

function fail(error: unknown): void {
  const gone = isGone(error);
  fill(
    make("h1", { textContent: gone ? "There is no board here that you can open" : "The board could not be opened" }),
    make("p", { textContent: gone ? "The link may be wrong, or it belongs to another person." : words(error) }),
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
