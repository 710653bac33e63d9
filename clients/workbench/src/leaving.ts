/** Whether a document may be left. */

import type { DocumentState, OpenDocument } from "@savepoint/client";
import type { LeaveElement } from "@savepoint/client/elements";

/** A save that takes longer is asked about. */
const FLUSH_MS = 1_500;

/** Asks only if there is something to decide. */
export async function mayLeave(doc: OpenDocument, leaving: LeaveElement): Promise<boolean> {
  const later = new Promise<DocumentState>((done) => setTimeout(() => done(doc.state), FLUSH_MS));
  const { dirty } = await Promise.race([doc.flush(), later]);
  return !dirty || (await leaving.ask()) !== "stay";
}
