/** What the state machine of a document is made of: its state, the events that it takes, the effects that it asks for. */

/** A document without its content, as the server sends it. Only what is used here. */
export interface Meta {
  id: string;
  ownerId: string;
  title: string;
  description: string | null;
  status: string;
  version: number;
  etag: string;
  updatedAt: string;
  deviceInfo: string | null;
}

/** The version that the server acknowledged last. `text` is unknown if it comes from the journal. */
export interface Base {
  etag: string;
  version: number;
  title: string;
  at: string;
  device: string | null;
  text?: string | undefined;
}

export interface Rename {
  title?: string | undefined;
  description?: string | undefined;
}

export type Form = "create" | "content" | "title" | "promote" | "restore" | "copy";

/** One request to change the document. It is in the journal before it is sent, and repeated as it is until its
 * outcome is known. */
export interface Attempt {
  key: string;
  form: Form;
  /** If-Match. Null: the document must be new. */
  etag: string | null;
  /** The number of edits that `text` has. */
  edits: number;
  text: string;
  rename: Rename | null;
  /** False if a person asked for it: the version stays in the history. */
  auto: boolean;
  /** True if it becomes a draft when it is refused: it was sent by a page that may not come back. */
  copy: boolean;
  /** True if it must not be sent as a delta. */
  whole: boolean;
  /** 0 waits for the journal, 1 is in flight, 2 has an unknown outcome. */
  at: 0 | 1 | 2;
  /** Of a copy: the id of the new draft. */
  id?: string;
  /** Of a restore: the version. */
  version?: number;
}

export type Trouble =
  | ""
  | "offline"
  | "conflict"
  | "gone"
  | "too_large"
  | "no_room"
  | "read_only"
  | "signed_out"
  | "refused";

export interface Conflict {
  title: string;
  /** The device that made the other version, and when. */
  device: string | null;
  at: string;
  version: number;
  etag: string;
  mine: string;
  theirs: string;
  /** What both began from. Undefined if this page does not know it. */
  base?: string | undefined;
}

export interface State {
  config: Config;
  id: string;
  /** Keys of attempts start with it. Random, made when the document is opened. */
  seed: string;
  count: number;
  /** `new` is not on the server yet. */
  kind: string;
  title: string;
  base: Base | null;
  /** What the screen showed when it had `snapped` edits. */
  text: string;
  snapped: number;
  /** Edits that were made; that the journal has; that the server has. */
  edits: number;
  kept: number;
  acked: number;
  attempt: Attempt | null;
  trouble: Trouble;
  conflict: Conflict | null;
  rename: Rename | null;
  promote: boolean;
  auto: boolean;
  whole: boolean;
  /** The encoder of deltas is there. */
  deltas: boolean;
  /** A person waits for these many edits. */
  rush: number;
  /** The version of the server is being read. */
  loading: boolean;
  /** The newest version that is known to exist. */
  seen: number;
  /** How often in a row the server did not know the document: 2 after it has said who is signed in. */
  missing: number;
  failing: boolean;
  visible: boolean;
  idle: number;
  tries: number;
  retryAt: number;
  /** Bytes, of the content or of all that the person keeps. */
  size: number;
  limit: number;
  /** Characters of the text that was refused. */
  stuck: number;
  error?: string | undefined;
  /** The draft that a refused save became, and its text. */
  copied: { id: string; title: string; text: string } | null;
  /** When the text was edited that came from the journal of another page. */
  recovered: number;
}

export interface Config {
  journalAfter: number;
  wait: number;
  maxWait: number;
  poll: number;
  onConflict: "ask" | "copy";
}

/** What became of a request. `lost`: nobody knows, or later. `again`: not in this form. `more`: something rare. */
export type Answer =
  | { k: "ok"; meta: Meta }
  /** A copy was made instead: `of` is what the server has, null if it is deleted. */
  | { k: "copied"; meta: Meta; of: { version: number } | null | undefined }
  | { k: "restored"; meta: Meta }
  /** `error`: the operator's words, in maintenance. */
  | { k: "lost"; after?: number | undefined; error?: string }
  | { k: "stale"; version: number }
  | { k: "gone" }
  | { k: "missing" }
  | { k: "out" }
  | { k: "again" }
  | { k: "more" }
  | { k: "same" }
  | { k: "moved"; status: string }
  | { k: "big"; size: number; limit: number }
  | { k: "full"; size: number; limit: number }
  | { k: "refused"; error: string };

export type Event =
  | { t: "edit" }
  | { t: Timer }
  | { t: "hide" }
  | { t: "show" }
  | { t: "online" }
  | { t: "flush" }
  | { t: "undo" }
  /** The parts are loaded that come after the first edits. */
  | { t: "opened" }
  | { t: "check" }
  | { t: "replace"; base: Base; kind: string }
  | { t: "text"; text: string }
  | { t: "kept"; edits: number; key: string | undefined; ok: boolean }
  | { t: "answer"; key: string; r: Answer; now: number; random: number }
  | { t: "polled"; r: Answer }
  /** `id` is a new one, for a copy that may be needed. */
  | { t: "loaded"; r: Answer; text: string; id: string; now: number; random: number }
  | { t: "unapplied"; base: Base | null; error: string }
  | { t: "news"; version: number }
  | { t: "removed" }
  | { t: "who"; r: "same" | "other" | "lost" }
  | { t: "save"; rename: Rename | null }
  | { t: "rename"; rename: Rename }
  | { t: "restore"; version: number }
  | { t: "resolve"; how: "mine" | "theirs" | "copy" | { text: string }; id: string }
  | { t: "fork"; id: string; title: string };

export type Timer = "journal" | "send" | "retry" | "poll";

export type Effect =
  /** Restarts a timer, at most until `max` after its first start. 0 ms stops it. */
  | ["timer", Timer, number, number?]
  /** Writes the state to the journal; `strict` waits for the disk. Then `kept`. */
  | ["keep", boolean?]
  /** Writes the state to localStorage at once. */
  | ["mirror"]
  /** Removes the entry from the journal, unless it has newer edits. Then removes that of `id`, if it is given. */
  | ["drop", string?]
  /** Keeps a text aside in the journal. */
  | ["aside", string]
  /** Sends the attempt, then `answer`. `now`: the page may go at any moment. */
  | ["send", boolean?]
  /** Reads the document, then `loaded`. Reads only whether it changed, then `polled`. Asks who is signed in. */
  | ["load"]
  | ["poll"]
  | ["who"]
  /** Shows a text. `base` is what to return to if that fails. */
  | ["apply", string, Base | null]
  /** Tells other tabs what was saved. */
  | ["tell"]
  | ["out"];
