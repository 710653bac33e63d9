/** A server, as a page sees it: who is signed in, its open documents, and what earlier pages have left. */

import { createDocument, type DocumentShared, type Managed, type OpenDocument } from "./document.js";
import { createHttp } from "./http.js";
import { createJournal } from "./journal.js";
import { createLists, type Lists } from "./lists.js";
import { openDocument, type Opening } from "./opening.js";
import { watchPage } from "./page.js";
import { createRecovery, type Recovery } from "./recovery.js";
import { createTabs, type Message } from "./tabs.js";
import type { Encoder } from "./requests.js";
import type { ConnectOptions, OpenOptions } from "./types.js";
import type { Me } from "./wire.gen.js";

export interface Server extends Lists, Recovery {
  /** Opens a session or draft, or begins a draft. Rejects with a Problem if there is nothing to show. */
  open(options: OpenOptions): Promise<OpenDocument>;
  /** Removes everything of this person from this device, also what is not saved. Open documents are let go. */
  forgetDevice(): Promise<void>;
}

const OWNER = "savepoint:owner";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** 12 characters, as the server's own ids. */
export const newId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => LETTERS[byte & 63]).join("");

export function connect(o: ConnectOptions): Server {
  const baseUrl = o.baseUrl.replace(/\/$/, "");
  const app = o.app ?? "";
  const report = o.onError ?? ((error: unknown): void => console.error("Savepoint:", error));
  const http = createHttp({ ...o, baseUrl });
  const journal = createJournal();
  const documents = new Set<Managed>();
  const tabs = createTabs(newId(), hear, report);
  let encoder: Encoder | undefined;
  let owner: string | undefined;
  let isOut = false;

  async function who(): Promise<string | undefined> {
    const { status, body } = await http.send({ method: "GET", path: "/me" });
    const found = status === 401 ? "" : (body as Me | null)?.ownerId;
    if (found === undefined) return;
    if (found) isOut = false;
    if (found !== owner) tabs.tell({ t: "owner", owner: found });
    owner = found;
    remember(found);
    return found;
  }

  /** Without a connection, the person is the one who was here last. */
  const known = async (): Promise<string> => owner ?? (await who()) ?? remembered();

  function hear(message: Message): void {
    for (const one of documents) {
      if (message.t === "owner") one.dispatch({ t: "check" });
      else if ("id" in message && message.owner === one.owner.id && message.id === one.id) {
        one.dispatch(message.t === "saved" ? { t: "news", version: message.version } : { t: "removed" });
      }
    }
  }

  const each = (t: "hide" | "show" | "online") => () => documents.forEach((one) => one.dispatch({ t }));
  const page = watchPage({
    hide: each("hide"),
    show: each("show"),
    online: each("online"),
    leave: tabs.leave,
    enter: tabs.enter,
  });

  const shared: DocumentShared = {
    http,
    journal,
    tabs: { ...tabs, tell },
    app,
    baseUrl,
    device: o.deviceInfo ?? deviceOf(navigator.userAgent),
    newId,
    who,
    report,
    encoder: () => encoder,
    stopped: (one) => {
      documents.delete(one);
      guard();
    },
    changed: guard,
    signedOut() {
      if (!isOut) o.onSignedOut?.();
      isOut = true;
    },
  };

  /** Other documents of this page hear it, too. */
  function tell(message: Message): void {
    tabs.tell(message);
    hear(message);
  }

  function guard(): void {
    page.guard([...documents].some((one) => one.unsafe()));
  }

  function loadEncoder(): void {
    import("./delta.js").then(
      (module) => {
        encoder = module.encoder;
        documents.forEach((one) => one.dispatch({ t: "deltas" }));
      },
      () => undefined, // then contents are sent whole
    );
  }

  /** Whether the page of an entry is gone, or its document was closed. */
  async function orphans(): Promise<(instance: string) => boolean> {
    const isAlive = await tabs.alive();
    return (instance) => !isAlive(instance) && ![...documents].some((one) => one.instance === instance);
  }

  let opened = 0;
  const opening: Opening = {
    http,
    journal,
    app,
    newId,
    owner: known,
    orphans,
    instance: () => `${tabs.instance}.${++opened}`,
    create(options, whose, instance, initial) {
      const one = createDocument(shared, options, { id: whose }, instance, initial);
      documents.add(one);
      if (encoder) one.dispatch({ t: "deltas" });
      else loadEncoder();
      return one;
    },
  };

  return {
    ...createLists(http, newId),
    ...createRecovery(opening),
    open: (options) => openDocument(opening, options),
    async forgetDevice() {
      const whose = await known();
      documents.forEach((one) => one.stop());
      await journal.forget(whose);
      remember("");
    },
  };
}

function remember(owner: string): void {
  try {
    if (owner) localStorage.setItem(OWNER, owner);
    else localStorage.removeItem(OWNER);
  } catch {
    // Without storage, there is no journal either.
  }
}

function remembered(): string {
  try {
    return localStorage.getItem(OWNER) ?? "";
  } catch {
    return "";
  }
}

function deviceOf(agent: string): string {
  const first = (names: string): string | undefined => names.split(" ").find((name) => agent.includes(name));
  const browser = first("Edg OPR Firefox Chrome Safari") ?? "Browser";
  const system = first("Windows Android iPhone iPad Mac CrOS Linux");
  return system ? `${browser} on ${system}` : browser;
}
