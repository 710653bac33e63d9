/** What became of texts that were left, and the way back. */

import type { OpenDocument } from "../document.js";
import type { Recoverable } from "../recovery.js";
import { say } from "./texts/index.js";

/** Returns to the version before. `seen` is that one, unless what was restored had been saved by then. */
export async function undoRestored(doc: OpenDocument, seen: number, wasDirty: boolean): Promise<unknown> {
  const { version } = await doc.flush();
  const before = wasDirty ? seen : (await doc.revision(seen)).metadata.previousVersion;
  if (before === null) throw new Error(say("recovery.nothing-before"));
  return version === before ? doc.reload() : doc.restore(before);
}

/** Returns what became of it. */
export function situation({ aside, current, isKnown, version, serverVersion }: Recoverable): string {
  if (aside === "discarded") return say("recovery.discarded-why");
  if (aside) return say(`recovery.${aside as "kept" | "not_applied" | "unreadable"}`);
  if (current) return say(version === undefined ? "recovery.never-saved" : "recovery.current");
  if (serverVersion !== undefined) return say("recovery.newer", { version: String(serverVersion) });
  return say(isKnown ? "recovery.not-on-server" : "recovery.not-known");
}
