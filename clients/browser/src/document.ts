/** A document that is open: what an app calls, over its state machine. */

import { createEffects, type Owner, type Shared } from "./effects.js";
import type { Commands } from "./commands.js";
import type { Key } from "./journal.js";
import { next } from "./machine.js";
import type { Event, State } from "./model.js";
import { createRequests, type Packing } from "./requests.js";
import type { OpenOptions } from "./types.js";
import { same, safe, view, type DocumentState } from "./view.js";
import type { RevisionContent, RevisionMetadata } from "./wire.gen.js";

export interface SaveOptions {
  title?: string;
  description?: string;
}

export interface ShareOptions {
  title?: string;
  description?: string;
  expiresAt?: string;
  /** The server gets only what it cannot read. The key is in the fragment of the URL, see `openShared`. */
  encrypted?: boolean;
}

export interface OpenDocument {
  readonly id: string;
  readonly state: DocumentState;
  /** Returns the document as it is on the screen. */
  serialize(): string;
  /** Says that the screen has changed. Call it at every edit: it is fast. */
  changed(): void;
  /** Sends what is not saved. Resolves when it is, or when it cannot be: see `status`. Never rejects. */
  flush(): Promise<DocumentState>;
  /** As `flush`, because a person asked for it: the version stays in the history, and a draft becomes a session. */
  save(options?: SaveOptions): Promise<DocumentState>;
  /** Continues under a new id, which is saved. The old one stays as it was saved last. */
  saveAs(title: string): Promise<DocumentState>;
  rename(title: string): Promise<DocumentState>;
  /** Sends what is not saved, and lets go. What could not be sent stays in the journal. */
  close(): Promise<void>;
  /** Moves the document to the trash, and lets go. Rejects with a Problem. */
  discard(): Promise<void>;
  /** Shows what the server has. What was not saved is put aside. Rejects with a Problem. */
  reload(): Promise<DocumentState>;
  /** Decides a conflict. Nothing is lost: each side stays in the history, in a copy or aside. */
  resolve(how: "mine" | "theirs" | "copy" | { text: string }): Promise<DocumentState>;
  /** Returns from a copy that was made when the page was hidden to the conflict. */
  undoCopy(): Promise<DocumentState>;
  /** The history, newest first, and one version with its text. Reject with a Problem. */
  revisions(): Promise<RevisionMetadata[]>;
  revision(version: number): Promise<RevisionContent>;
  /** Makes an old version the newest one, after what is not saved was saved. */
  restore(version: number): Promise<DocumentState>;
  /** Freezes what is saved under a link. Rejects with a Problem. */
  share(options?: ShareOptions): Promise<{ id: string; url: string }>;
  /** Calls `listener` at once and after each change. */
  subscribe(listener: (state: DocumentState) => void): () => void;
  getSnapshot(): DocumentState;
}

/** What the server does with a document. */
export interface Managed extends OpenDocument {
  readonly instance: string;
  readonly owner: Owner;
  dispatch(event: Event): void;
  /** True if leaving would lose something. */
  unsafe(): boolean;
  /** Lets go without saving. */
  stop(): void;
}

/** What the commands of a document work with. */
export interface Handle {
  state(): State;
  run(event: Event): Promise<DocumentState>;
  until(isOver: () => boolean): Promise<DocumentState>;
  isBusy(): boolean;
  written(): Promise<void>;
  key(): Key;
  stop(): void;
  mediaType: string | undefined;
}

export interface DocumentShared extends Shared {
  baseUrl: string;
  /** A label of this device. The default is found when the late chunk is there. */
  device: string | undefined;
  /** Makes what packs the requests of a document, once it is loaded. */
  packing(): Packing | undefined;
  stopped(document: Managed): void;
  changed(): void;
  /** Asks the browser not to empty its storage. */
  persist(): void;
}

/** They are in the late chunk. */
const COMMANDS = "saveAs resolve undoCopy discard reload revisions revision restore share".split(
  " ",
) as (keyof Commands)[];

export function createDocument(
  shared: DocumentShared,
  o: OpenOptions,
  owner: Owner,
  instance: string,
  initial: State,
): Managed {
  const { report } = shared;
  const requests = createRequests(shared, o.mediaType, shared.packing);
  const effects = createEffects(shared, o, owner, instance, requests, () => state, dispatch);
  const listeners = new Set<(state: DocumentState) => void>();
  const waiting = new Set<() => void>();
  const events: Event[] = [];
  let state = initial;
  let shown = view(state);
  let isRunning = false;
  let isOpen = true;

  /** Events that come while effects are carried out wait for their end. */
  function dispatch(event: Event): void {
    events.push(event);
    if (isRunning) return;
    isRunning = true;
    try {
      for (let one = events.shift(); one && isOpen; one = events.shift()) take(one);
    } finally {
      isRunning = false;
    }
    show();
    waiting.forEach((check) => check());
  }

  function take(event: Event): void {
    if (event.t !== "edit" && event.t !== "kept" && state.snapped < state.edits) {
      try {
        step({ t: "text", text: o.serialize() });
      } catch (error) {
        report(error); // the screen has the edits, and `safe` says so
      }
    }
    step(event);
  }

  function step(event: Event): void {
    const [after, wanted] = next(state, event);
    state = after;
    wanted.forEach(effects.perform);
  }

  function show(): void {
    const now = view(state);
    if (same(shown, now)) return;
    shown = now;
    shared.changed();
    listeners.forEach((listener) => listener(now));
  }

  function until(isOver: () => boolean): Promise<DocumentState> {
    return new Promise((done) => {
      const check = (): void => {
        if (isOpen && !isOver()) return;
        waiting.delete(check);
        done(shown);
      };
      waiting.add(check);
      check();
    });
  }

  const isBusy = (): boolean => {
    const { attempt, loading, trouble } = state;
    return (!!attempt && attempt.at < 2) || (loading && trouble !== "offline");
  };

  /** Takes an event. Resolves when the edits until now are saved, or when they cannot be. */
  function run(event: Event): Promise<DocumentState> {
    dispatch(event);
    const { edits } = state;
    return until(() => {
      const { acked, rename, promote, kind, trouble } = state;
      return !isBusy() && (!!trouble || (acked >= edits && !rename && !(promote && kind !== "active")));
    });
  }

  function subscribe(listener: (state: DocumentState) => void): () => void {
    listeners.add(listener);
    listener(shown);
    return () => listeners.delete(listener);
  }

  function stop(): void {
    isOpen = false;
    effects.stop();
    shared.stopped(document);
    waiting.forEach((check) => check());
  }

  const flush = (): Promise<DocumentState> => run({ t: "flush" });
  const { written, key } = effects;
  const handle: Handle = { state: () => state, run, until, isBusy, written, key, stop, mediaType: o.mediaType };
  const later = (name: keyof Commands) => [
    name,
    async (...all: unknown[]) =>
      ((await shared.late()).commands(handle)[name] as (...all: unknown[]) => unknown)(...all),
  ];
  const commands: Commands = Object.fromEntries(COMMANDS.map(later));

  const document: Managed = {
    instance,
    owner,
    dispatch,
    stop,
    flush,
    subscribe,
    ...commands,
    unsafe: () => state.failing && safe(state) === "nowhere",
    get id() {
      return state.id;
    },
    get state() {
      return shown;
    },
    getSnapshot: () => shown,
    serialize: () => o.serialize(),
    changed: () => dispatch({ t: "edit" }),
    save(options) {
      shared.persist();
      return run({ t: "save", rename: options ? { ...options } : null });
    },
    rename: (title) => run({ t: "rename", rename: { title } }),
    async close() {
      do {
        await flush();
        await written();
      } while (isOpen && state.snapped < state.edits); // typed meanwhile
      stop();
    },
  };
  return document;
}
