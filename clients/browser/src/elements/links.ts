/** The links of one document. */

import type { OpenDocument } from "../document.js";
import type { Server } from "../server.js";
import type { SnapshotMetadata } from "../wire.gen.js";
import { every } from "./pages.js";

export type Link = SnapshotMetadata;

const PAGE_MAX = 100;

const from = (cursor: string | undefined) => ({ page_size: PAGE_MAX, ...(cursor ? { cursor } : {}) });

/** Returns the links to snapshots of a document, the newest first. One request for each hundred. */
export async function linksOf(server: Server, doc: OpenDocument): Promise<readonly Link[]> {
  return every((cursor) => server.snapshots.list({ ...from(cursor), session_id: doc.id }));
}

/** Returns those that were revoked or have expired. */
export async function endedLinks(server: Server, doc: OpenDocument): Promise<readonly Link[]> {
  const logs = await every((cursor) =>
    server.snapshots.opened({
      ...from(cursor),
      session_id: doc.id,
      filter_snapshot_deleted: true,
      sort_by: "snapshot_metadata.created_at",
    }),
  );
  return logs.map(({ snapshotId, snapshotMetadata }) => ({ ...snapshotMetadata, id: snapshotId }));
}

/** Makes a new link to the same content with the same title and end, then ends the old one. If that fails, both
 * are there. */
export async function renew(server: Server, { id, app, expiresAt }: Link): Promise<Link> {
  const made = await server.snapshots.create({ snapshotId: id, app, expiresAt });
  await server.snapshots.remove(id);
  return made;
}
