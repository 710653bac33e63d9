/** Files that are dropped anywhere on the page. */

import type { Server } from "@savepoint/client";
import { rehearse } from "./importing.js";
import { say } from "./language.js";
import { find, make } from "./page.js";

/** Takes files that are dropped anywhere. What is no file is ignored, and Escape removes the overlay. */
export function acceptDrops(server: Server): void {
  const overlay = make("div", { className: "drop", textContent: say("Drop a file of an export"), hidden: true });
  document.body.append(overlay);
  const hasFile = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragenter", (event) => (overlay.hidden = !hasFile(event)));
  addEventListener("dragover", (event) => {
    if (hasFile(event)) event.preventDefault();
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) overlay.hidden = true;
  });
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape") overlay.hidden = true;
  });
  addEventListener("drop", (event) => {
    overlay.hidden = true;
    if (!hasFile(event)) return;
    event.preventDefault(); // a miss opens nothing
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    const place = make("div", { className: "stack" });
    place.setAttribute("role", "status");
    find("#shown").prepend(place);
    document.body.toggleAttribute("data-shown", true);
    void rehearse(server, file, place);
  });
}
