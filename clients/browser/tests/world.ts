/** A server, a device and its tabs, for the model of the state machine. Nothing happens by itself: each outcome of a
 * request or of a write is chosen by the test. */

import { toEntry } from "../src/entry.js";
import { fromEntry } from "../src/resume.js";
import { createDecisions } from "../src/decisions.js";
import { next, start, teach } from "../src/machine.js";
import { baseOf } from "../src/steps.js";
import * as steps from "../src/steps.js";
import type { Answer, Attempt, Config, Effect, Event, Meta, State } from "../src/model.js";
import { safe } from "../src/view.js";

export const CONFIG: Config = {
  journalAfter: 250,
  wait: 2000,
  maxWait: 30_000,
  poll: 10_000,
  onConflict: "ask",
};
teach(createDecisions({ ...steps, keep: steps.journal, start }));

const ID = "doc-of-tests";

type Kept = ReturnType<typeof toEntry>;

/** One session on the server, its history, and the copies that were made of it. */
export class Server {
  meta: Meta | null = null;
  text = "";
  history: string[] = [];
  copies: string[] = [];
  private made = new Map<string, Meta>();

  save(text: string, change: Partial<Meta> = {}): Meta {
    const version = (this.meta?.version ?? 0) + 1;
    this.text = text;
    this.history.push(text);
    const before = this.meta ?? { id: ID, ownerId: "ann", title: "", description: null, deviceInfo: null };
    const times = { updatedAt: `${version}`, version, etag: `"${version}"` };
    this.meta = { status: "draft", ...before, ...times, ...change } as Meta;
    return this.meta;
  }

  request(a: Attempt): Answer {
    const known = this.made.get(a.key);
    if (known) return { k: "ok", meta: known, ...(known.id === ID ? {} : { copyOf: this.meta! }) };
    if (a.form === "copy") return this.copy(a, undefined);
    const closed = this.meta?.status === "closed";
    const stale = a.etag !== (this.meta?.etag ?? null);
    if (a.copy && (stale || closed)) return this.copy(a, this.meta!);
    if (closed) return { k: "moved", status: "closed" };
    if (!this.meta && a.etag) return { k: "missing" };
    if (stale) return { k: "stale", version: this.meta!.version };
    if (a.form === "restore") return this.done(a, this.save(this.history[a.version! - 1]!));
    const change = { ...(a.rename?.title ? { title: a.rename.title } : {}) };
    if (a.form === "promote") return this.done(a, this.save(this.text, { status: "active" }));
    if (a.form === "title") return this.done(a, this.save(this.text, change));
    return this.done(a, this.save(a.text, a.form === "create" ? change : {}));
  }

  private copy(a: Attempt, of: Meta | undefined): Answer {
    this.copies.push(a.text);
    const meta = { ...(this.meta as Meta), id: `copy-${a.key}`, version: 1 };
    this.made.set(a.key, meta);
    return of ? { k: "ok", meta, copyOf: of } : { k: "ok", meta };
  }

  private done(a: Attempt, meta: Meta): Answer {
    this.made.set(a.key, meta);
    return { k: "ok", meta };
  }
}

/** What is under way and has no outcome yet. `run` takes one that the test chooses. */
interface Pending {
  what: "keep" | "send" | "load" | "poll" | "who" | "news" | "drop";
  run: (fault: number) => void;
}

export class Device {
  journal = new Map<string, Kept>();
  mirror = new Map<string, Kept>();
  aside: string[] = [];
  tabs: Tab[] = [];
  opened = 0;
  /** Somebody else is signed in, who cannot see the document. */
  isOther = false;
  constructor(
    readonly server: Server,
    readonly config: Config = CONFIG,
  ) {}
}

export class Tab {
  state: State;
  screen: string;
  pending: Pending[] = [];
  timers = new Set<string>();
  alive = true;
  hidden = false;
  readonly key: string;

  constructor(
    readonly device: Device,
    entry?: Kept,
  ) {
    const { server } = device;
    this.key = `tab-${++device.opened}`;
    const { meta } = server;
    const base = meta && { ...meta, at: meta.updatedAt, device: null, text: server.text };
    this.state = entry
      ? start(ID, this.key, device.config, fromEntry(entry))
      : start(ID, this.key, device.config, base ? { base, kind: meta.status } : {});
    this.screen = this.state.text;
    device.tabs.push(this);
    if (!entry) return;
    device.journal.set(this.key, entry);
    if (this.state.attempt) this.dispatch({ t: "retry" });
    else if (meta) this.load();
    else this.dispatch({ t: "send" });
  }

  edit(token: string): void {
    this.screen += `${token};`;
    this.dispatch({ t: "edit" });
  }

  dispatch(event: Event): void {
    if (!this.alive) return;
    if (event.t !== "edit" && event.t !== "kept" && this.state.snapped < this.state.edits) {
      this.step({ t: "text", text: this.screen });
    }
    this.step(event);
  }

  /** Shows what the server has, as a person who gives up the own edits. */
  reload(): void {
    const { meta, text } = this.device.server;
    if (meta) this.dispatch({ t: "replace", base: baseOf(meta, text), kind: meta.status });
  }

  get safe(): string {
    return safe(this.state);
  }

  crash(): void {
    this.alive = false;
    this.pending = [];
  }

  private step(event: Event): void {
    const before = JSON.stringify(this.state);
    const [state, effects] = next(this.state, event);
    if (JSON.stringify(this.state) !== before)
      throw new Error(`${event.t} changed the state that it was given`);
    this.state = state;
    for (const effect of effects) this.perform(effect);
  }

  private perform(effect: Effect): void {
    const { device, key } = this;
    switch (effect[0]) {
      case "timer":
        if (effect[2]) this.timers.add(effect[1]);
        else this.timers.delete(effect[1]);
        break;
      case "mirror":
        device.mirror.set(key, toEntry(this.state));
        break;
      case "keep":
        this.keep();
        break;
      case "drop": {
        const { acked } = this.state;
        this.pending.push({
          what: "drop",
          run: () => {
            for (const store of [device.journal, device.mirror]) {
              const entry = store.get(key);
              if (entry && entry.edits <= acked) store.delete(key);
            }
          },
        });
        break;
      }
      case "aside":
        device.aside.push(effect[1]);
        break;
      case "send":
        this.send(!!effect[1]);
        break;
      case "load":
        this.load();
        break;
      case "poll":
        this.pending.push({
          what: "poll",
          run: (fault) => this.dispatch({ t: "polled", r: this.found(fault) }),
        });
        break;
      case "who":
        this.pending.push({
          what: "who",
          run: (fault) => {
            const r = device.isOther ? "other" : "same";
            this.dispatch({ t: "who", r: fault ? "lost" : r });
          },
        });
        break;
      case "apply":
        this.screen = effect[1];
        break;
      case "tell":
        for (const tab of device.tabs) {
          const version = this.state.base!.version;
          if (tab !== this)
            tab.pending.push({ what: "news", run: () => tab.dispatch({ t: "news", version }) });
        }
    }
  }

  private keep(): void {
    const entry = toEntry(this.state);
    this.pending.push({
      what: "keep",
      run: (fault) => {
        if (!fault) this.device.journal.set(this.key, entry);
        this.dispatch({ t: "kept", edits: entry.edits, key: entry.attempt?.key, ok: !fault });
      },
    });
  }

  private send(now: boolean): void {
    const { server, journal, mirror } = { ...this.device };
    const attempt = this.state.attempt!;
    if (this.pending.some((one) => one.what === "send")) throw new Error("two requests at once");
    const kept = [journal.get(this.key), mirror.get(this.key)].some(
      (one) => one?.attempt?.key === attempt.key,
    );
    if (!kept && !this.state.failing) throw new Error(`sent before it was in the journal (${now})`);
    const answer = (r: Answer) => this.dispatch({ t: "answer", key: attempt.key, r, now: 0, random: 0 });
    this.pending.push({
      what: "send",
      run: (fault) => {
        if (fault === 1) return answer({ k: "lost" }); // it did not arrive
        if (fault === 4) return answer({ k: "out" });
        if (this.device.isOther) {
          // A new one is never sent then.
          return answer({ k: attempt.form === "create" || attempt.form === "copy" ? "out" : "missing" });
        }
        const r = server.request(attempt);
        answer(fault === 2 ? { k: "lost" } : r); // the answer did not arrive
      },
    });
  }

  private load(): void {
    this.state = { ...this.state, loading: true };
    this.pending.push({
      what: "load",
      run: (fault) => {
        const { text } = this.device.server;
        this.dispatch({ t: "loaded", r: this.found(fault), text, id: "new-id", now: 0, random: 0 });
      },
    });
  }

  private found(fault: number): Answer {
    const { server, isOther } = this.device;
    if (fault || !server.meta) return { k: "lost" };
    return isOther ? { k: "missing" } : { k: "ok", meta: server.meta };
  }
}
