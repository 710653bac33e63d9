/** The erasure of all that a person has. It asks for the name of the person. */

import type { Server } from "@savepoint/client";
import { say } from "./language.js";
import { changed, make, onClick, words } from "./page.js";

export function erasing(server: Server): HTMLElement {
  const typed = make("input", { name: "confirm", autocomplete: "off" });
  const erase = make("button", { textContent: say("Erase everything"), className: "danger", disabled: true });
  const status = make("p", {});
  status.setAttribute("role", "status");
  const place = make("section", { className: "card stack" }, make("h3", { textContent: say("Erase") }));
  server.account.me().then(
    ({ ownerId }) => {
      typed.addEventListener("input", () => (erase.disabled = typed.value !== ownerId));
      onClick(erase, () => eraseAll(server, ownerId, status));
      place.append(
        make("p", {
          textContent: say(
            "Deletes all sessions, drafts, snapshots, the trash and the activity for good. Shared links end. There is no way back.",
          ),
        }),
        make("label", {}, `${say("Type “{name}” to confirm", { name: ownerId })} `, typed),
        make("div", {}, erase),
        status,
      );
    },
    (error: unknown) => place.append(make("p", { className: "trouble", textContent: words(error) })),
  );
  return place;
}

async function eraseAll(server: Server, ownerId: string, status: HTMLElement): Promise<void> {
  status.textContent = say("Erasing…");
  try {
    let found = await server.account.erase(ownerId);
    while (!found.done) found = await server.account.erase(ownerId);
    await server.forgetDevice();
    status.textContent = say("Everything is erased.");
    changed();
  } catch (error) {
    status.textContent = say("Not everything could be erased: {reason} Try again.", { reason: words(error) });
  }
}
