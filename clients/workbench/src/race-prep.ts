/** The example app: a plain form. What keeps it is in its attributes. Here is only what the page says besides. */

import "@savepoint/client/elements";
import type { DocumentState } from "@savepoint/client";
import { options, type KeptForm } from "@savepoint/client/forms";
import { find } from "./page.js";
import { personHeaders, serverFor, showPerson } from "./person.js";

const locked = find("#locked");

const server = serverFor("race-prep");
options.headers = personHeaders;
options.onSignedOut = () => showPerson(server);

document.addEventListener("savepoint-ready", ({ target }) => {
  const { doc } = (target as HTMLFormElement & { savepoint: KeptForm }).savepoint;
  doc.subscribe((state) => {
    document.title = `${state.dirty ? "• " : ""}${state.title || "Race prep"}`;
    if (state.draft === false) locked.textContent = `Locked: version ${state.version} of “${state.title}”.`;
  });
});
document.addEventListener("savepoint-locked", (event) => {
  const { dirty } = (event as CustomEvent<DocumentState>).detail;
  if (dirty) locked.textContent = "Not locked yet: it is kept on this device, and locked as soon as possible.";
});
// A link to another set-up on the same page.
addEventListener("hashchange", () => location.reload());
showPerson(server);
