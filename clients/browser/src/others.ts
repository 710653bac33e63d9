/** The other pages of this browser: what they saved, and which of them still live. */

import { Name } from "./names.js";
import type { Core } from "./late.js";

export type Message =
  | { t: "saved"; owner: string; id: string; version: number }
  | { t: "gone"; owner: string; id: string }
  | { t: "owner"; owner: string }
  | { t: "who" }
  | { t: "here"; instance: string };

export interface Others {
  /** Returns whether the document that wrote an entry is closed, or its page is gone. */
  orphans(): Promise<(instance: string) => boolean>;
}

const ANSWER_MS = 300;

const page = (instance: string): string => instance.split(".")[0]!;

/** From now on, this page tells the others and hears them. */
export function createOthers({ documents, instance, shared }: Core): Others {
  const heard = new Set<string>();
  const own = page(instance());
  let channel: BroadcastChannel | undefined;

  function hear(message: Message): void {
    if (message.t === "who") channel?.postMessage({ t: "here", instance: own });
    if (message.t === "here") heard.add(message.instance);
    for (const one of documents) {
      if (message.t === "owner") one.dispatch({ t: "check" });
      else if ("id" in message && message.owner === one.owner.id && message.id === one.id) {
        one.dispatch(message.t === "saved" ? { t: "news", version: message.version } : { t: "removed" });
      }
    }
  }

  function open(): void {
    if (channel || !("BroadcastChannel" in globalThis)) return;
    channel = new BroadcastChannel("savepoint");
    channel.onmessage = ({ data }: MessageEvent<Message>) => hear(data);
  }

  async function living(): Promise<Set<string>> {
    if (navigator.locks) {
      const { held = [] } = await navigator.locks.query();
      return new Set(held.map(({ name = "" }) => name.slice(Name.Living.length)));
    }
    heard.clear(); // whoever answered earlier may be gone
    channel?.postMessage({ t: "who" });
    await new Promise((done) => setTimeout(done, ANSWER_MS));
    return heard;
  }

  // A message that arrives meanwhile would throw a page out of the back/forward cache.
  addEventListener("pagehide", () => {
    channel?.close();
    channel = undefined;
  });
  addEventListener("pageshow", open);
  open();
  shared.tell = (message) => {
    channel?.postMessage(message);
    hear(message); // other documents of this page
  };

  return {
    async orphans() {
      const pages = await living();
      const open = new Set([...documents].map((one) => one.instance));
      return (other) => !open.has(other) && (page(other) === own || !pages.has(page(other)));
    },
  };
}
