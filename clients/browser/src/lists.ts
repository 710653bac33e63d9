/** What belongs to a person besides the open documents. Every call rejects with a Problem. */

import type { Ask } from "./calls.js";
import { TOGETHER } from "./sync.js";
import type { operations } from "./wire.gen.js";
import type {
  ActivityPage,
  DraftContent,
  DraftMetadataPage,
  Emptied,
  NewSnapshot,
  RevisionMetadataPage,
  Session,
  SessionMetadata,
  SessionMetadataPage,
  SessionPatch,
  SnapshotAccessLogPage,
  SnapshotContent,
  SnapshotMetadata,
  SnapshotMetadataPage,
  SnapshotStats,
  SnapshotVisitorPage,
  Synced,
  SyncedItem,
  TrashedPage,
  UsageAndLimits,
} from "./wire.gen.js";

type Query<Name extends keyof operations> = NonNullable<operations[Name]["parameters"]["query"]>;

export interface Lists {
  readonly sessions: {
    list(query?: Query<"getSessionsMetadata">): Promise<SessionMetadataPage>;
    get(id: string): Promise<Session>;
    remove(id: string): Promise<void>;
    /** Moves many sessions and drafts to the trash, each by itself. Resolves with what became of each. */
    removeMany(ids: readonly string[]): Promise<SyncedItem[]>;
    rename(id: string, changes: SessionPatch): Promise<SessionMetadata>;
    copy(id: string, options?: { title?: string; version?: number }): Promise<SessionMetadata>;
    close(id: string): Promise<SessionMetadata>;
    reopen(id: string): Promise<SessionMetadata>;
    /** The history, newest first. */
    revisions(id: string, query?: Query<"getSessionRevisions">): Promise<RevisionMetadataPage>;
    /** Keeps a version for good under a name. Null: no longer. */
    name(id: string, version: number, name: string | null): Promise<void>;
  };
  readonly drafts: {
    list(query?: Query<"getDraftsMetadata">): Promise<DraftMetadataPage>;
    get(id: string): Promise<DraftContent>;
    remove(id: string): Promise<void>;
  };
  readonly snapshots: {
    list(query?: Query<"getSnapshotsMetadata">): Promise<SnapshotMetadataPage>;
    get(id: string): Promise<SnapshotContent>;
    create(snapshot: NewSnapshot): Promise<SnapshotMetadata>;
    /** Deletes it for good: its link is dead then. */
    remove(id: string): Promise<void>;
    stats(id: string): Promise<SnapshotStats>;
    visitors(id: string, query?: Query<"getSnapshotVisitors">): Promise<SnapshotVisitorPage>;
    /** The snapshots that this person opened. */
    opened(query?: Query<"getSnapshotAccessLogs">): Promise<SnapshotAccessLogPage>;
    /** Removes one from those. */
    forget(id: string): Promise<void>;
  };
  readonly trash: {
    list(query?: Query<"getTrash">): Promise<TrashedPage>;
    restore(id: string): Promise<SessionMetadata>;
    remove(id: string): Promise<void>;
    empty(): Promise<Emptied>;
  };
  readonly activity: { list(query?: Query<"getActivity">): Promise<ActivityPage> };
  usage(): Promise<UsageAndLimits>;
}

export function createLists(get: Ask, newId: () => string): Lists {
  const list =
    (path: string) =>
    (query: object = {}) => {
      const wanted = Object.entries(query).filter(([, value]) => value != null);
      return get<any>("GET", `${path}?${new URLSearchParams(wanted as [string, string][])}`);
    };
  const call =
    (method: string, path: string, after = "") =>
    (id: string, body?: object) =>
      get<any>(method, `${path}/${encodeURIComponent(id)}${after}`, body);
  const under = (path: string, after: string) => (id: string, query?: object) =>
    list(`${path}/${encodeURIComponent(id)}/${after}`)(query);
  async function removeMany(ids: readonly string[]): Promise<SyncedItem[]> {
    const done: SyncedItem[] = [];
    for (let from = 0; from < ids.length; from += TOGETHER) {
      const items = ids.slice(from, from + TOGETHER).map((id) => ({ op: "trash", id }));
      done.push(...(await get<Synced>("POST", "/sync", { mode: "independent", items })).items);
    }
    return done;
  }
  const common = (path: string) => ({
    list: list(path),
    get: call("GET", path),
    remove: call("DELETE", path),
  });
  const post = (path: string, action: string) => call("POST", path, `/${action}`);
  return {
    sessions: {
      ...common("/sessions"),
      removeMany,
      rename: call("PATCH", "/sessions"),
      copy: (id, options = {}) =>
        get("POST", `/sessions/${encodeURIComponent(id)}/copy`, options, { "Idempotency-Key": newId() }),
      close: post("/sessions", "close"),
      reopen: post("/sessions", "reopen"),
      revisions: (id, query) => list(`/sessions/${encodeURIComponent(id)}/revisions`)(query),
      name: (id, version, name) => {
        const path = `/sessions/${encodeURIComponent(id)}/revisions/${version}/name`;
        return name === null ? get("DELETE", path) : get("PUT", path, { name });
      },
    },
    drafts: common("/drafts"),
    snapshots: {
      ...common("/snapshots"),
      create: (snapshot) =>
        get("POST", "/snapshots", snapshot, { "Idempotency-Key": newId(), Prefer: "return=representation" }),
      stats: call("GET", "/snapshots", "/stats"),
      visitors: under("/snapshots", "visitors"),
      opened: list("/snapshot_access_logs"),
      forget: call("DELETE", "/snapshot_access_logs"),
    },
    trash: { ...common("/trash"), restore: post("/trash", "restore"), empty: () => get("DELETE", "/trash") },
    activity: { list: list("/activity") },
    usage: () => get("GET", "/usage"),
  };
}
