/** Who else is open in this browser: a lock says that a page lives, a channel carries what it saved. */

export type Message =
  | { t: "saved"; owner: string; id: string; version: number }
  | { t: "gone"; owner: string; id: string }
  | { t: "owner"; owner: string }
  | { t: "who" }
  | { t: "here"; instance: string };

export interface Tabs {
  /** The name of this page. Those of its documents begin with it. */
  readonly instance: string;
  tell(message: Message): void;
  /** Returns whether the page that wrote an entry still lives. */
  alive(): Promise<(instance: string) => boolean>;
  /** Lets go of what keeps a page out of the back/forward cache, and takes it again. */
  leave(): void;
  enter(): void;
}

const LOCK = "savepoint:i:";
const ANSWER_MS = 300;

const page = (instance: string): string => instance.split(".")[0]!;

export function createTabs(
  instance: string,
  hear: (m: Message) => void,
  report: (error: unknown) => void,
): Tabs {
  let channel: BroadcastChannel | undefined;
  let release: (() => void) | undefined;
  let heard: Set<string> | undefined;

  function tell(message: Message): void {
    channel?.postMessage(message);
  }

  function enter(): void {
    if (release) return;
    const held = new Promise<void>((done) => (release = done));
    // Missing on pages without HTTPS.
    navigator.locks?.request(LOCK + instance, () => held).catch(report);
    if (!("BroadcastChannel" in globalThis)) return;
    channel = new BroadcastChannel("savepoint");
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if (data.t === "who") tell({ t: "here", instance });
      else if (data.t === "here") heard?.add(data.instance);
      else hear(data);
    };
  }

  async function others(): Promise<Set<string>> {
    if (navigator.locks) {
      const { held = [] } = await navigator.locks.query();
      return new Set(held.map(({ name = "" }) => name.slice(LOCK.length)));
    }
    heard ??= new Set();
    tell({ t: "who" });
    await new Promise((done) => setTimeout(done, ANSWER_MS));
    return heard;
  }

  enter();
  return {
    instance,
    tell,
    enter,
    async alive() {
      const pages = await others();
      return (other) => pages.has(page(other)) && page(other) !== instance;
    },
    leave() {
      release?.();
      release = undefined;
      channel?.close();
      channel = undefined;
    },
  };
}
