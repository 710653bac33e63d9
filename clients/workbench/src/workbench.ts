/** The workbench: lists on the left, a document in the middle, and both in the address. */

import "@savepoint/client/elements";
import { showDocument } from "./document.js";
import { acceptDrops } from "./drops.js";
import { load, say } from "./language.js";
import { element, find, isGone, make, words } from "./page.js";
import { arrive, serverFor, showPerson } from "./person.js";
import { addressOf, placeOf, type List, type Place } from "./routes.js";
import { change, fill, nothing, type Shown } from "./shown.js";
import { showSnapshot } from "./snapshot.js";
import { showTransfer } from "./transfer.js";

const server = serverFor("workbench");

await Promise.all([arrive(), load()]);
let place = placeOf(location.hash);

const ELEMENTS: Record<List, () => HTMLElement> = {
  sessions: () => element("savepoint-open", { server, kind: "sessions" }),
  drafts: () => element("savepoint-open", { server, kind: "drafts" }),
  snapshots: () => element("savepoint-snapshots", { server, which: "mine" }),
  opened: () => element("savepoint-snapshots", { server, which: "opened" }),
  trash: () => element("savepoint-trash", { server }),
  activity: () => element("savepoint-activity", { server }),
  usage: () => element("savepoint-usage", { server }),
};

function showList({ list, query }: Place): void {
  const holder = find("#list");
  document.querySelectorAll("nav a").forEach((link) => {
    if (link.getAttribute("href") === `#/${list}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  const there = holder.lastElementChild as (HTMLElement & { view?: object }) | null;
  if (holder.dataset.list === list && there) {
    there.view = query;
    return;
  }
  const made = Object.assign(ELEMENTS[list](), { view: query });
  holder.dataset.list = list;
  holder.replaceChildren(make("h2", { textContent: titleOf(list) }), made);
}

const titleOf = (list: List): string => document.querySelector(`nav a[href="#/${list}"]`)?.textContent ?? list;

async function show(next: Place, isCurrent: () => boolean): Promise<Shown> {
  const back = addressOf({ ...next, shown: { kind: "nothing" } });
  switch (next.shown.kind) {
    case "nothing":
      fill();
      document.title = "Savepoint";
      return nothing;
    case "transfer":
      return showTransfer(server, back);
    case "snapshot":
      return showSnapshot(server, next.shown, back, isCurrent);
    case "new":
      return showDocument({ server, onId, back, isCurrent });
    case "session":
      return showDocument({ server, id: next.shown.id, onId, back, isCurrent });
  }
}

/** A new document gets its address when there is something to come back to. */
function onId(id: string): void {
  if (place.shown.kind === "session" && place.shown.id === id) return;
  place = { ...place, shown: { kind: "session", id } };
  history.replaceState(null, "", addressOf(place));
}

function go(isFirst: boolean): void {
  const next = placeOf(location.hash, place);
  showList(next);
  const address = addressOf({ ...next, list: "sessions", query: {} });
  const same = address === addressOf({ ...place, list: "sessions", query: {} });
  place = next;
  document.body.toggleAttribute("data-shown", next.shown.kind !== "nothing");
  if (isFirst || !same) void change((isCurrent) => show(next, isCurrent), deadEnd);
}

/** One calm page for whatever cannot be shown. It does not tell outsiders which reason it is. */
function deadEnd(error: unknown): void {
  document.title = "Savepoint";
  const gone = isGone(error);
  fill(
    make(
      "div",
      { className: "stack calm" },
      make("h2", { textContent: say(gone ? "There is nothing here that you can open" : "This could not be opened") }),
      make("p", {
        className: "quiet",
        textContent: gone
          ? say(
              "The link may be wrong or have ended, it may have been deleted, or it belongs to another person. Ask whoever sent it to you.",
            )
          : words(error),
      }),
      ...(gone ? [] : [tryAgain()]),
      make("a", { href: "#/sessions", className: "button main", textContent: say("Show my documents") }),
    ),
  );
}

function tryAgain(): HTMLElement {
  const button = make("button", { textContent: say("Try again") });
  button.addEventListener("click", () => go(true));
  return button;
}

document.addEventListener("savepoint-open", (event) => {
  const { kind, id } = (event as CustomEvent<{ kind: string; id: string }>).detail;
  const { list, query } = place;
  location.hash = addressOf({ list, query, shown: { kind: kind === "snapshot" ? "snapshot" : "session", id } });
});
document.addEventListener("savepoint-view", (event) => {
  const query = (event as CustomEvent<{ view: Record<string, string> }>).detail.view;
  place = { ...place, query };
  history.replaceState(null, "", addressOf(place));
});
addEventListener("hashchange", () => go(false));
acceptDrops(server);
showPerson(server);
go(true);
