/** A server, a device and its tabs, for the model of the state machine. Nothing happens by itself: each outcome of a
 * request or of a write is chosen by the test. */

import { toEntry } from "../src/entry.js";
import { fromEntry } from "../src/resume.js";
import { createDecisions } from "../src/decisions.js";
import { next, start, teach, unknown } from "../src/machine.js";
import { createRefusals, createShrinking } from "../src/refusals.js";
import { createWatch } from "../src/watch.js";
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
const lent = { ...steps, keep: steps.journal, start, unknown };
teach(
  { ...createDecisions(lent), ...createWatch(lent), ...createShrinking(lent) },
  createRefusals(lent),
);

const ID = "doc-of-tests";

type Kept = ReturnType<typeof toEntry> & { id: string };

/** One session on the server, its history, and the copies that were made of it. */
export class Server {
  meta: Meta | null = null;
  text = "";
  history: string[] = [];
  copies: string[] = [];
  private made = new Map<string, Meta>();
  constructor(readonly id = ID) {}

  save(text: string, change: Partial<Meta> = {}): Meta {
    const version = (this.meta?.version ?? 0) + 1;
    this.text = text;
    this.history.push(text);
    const before = this.meta ?? { id: this.id, ownerId: "ann", title: "", description: null, deviceInfo: null };
    const times = { updatedAt: `${version}`, version, etag: `"${version}"` };
    this.meta = { status: "draft", ...before, ...times, ...change } as Meta;
    return this.meta;
  }

  request(a: Attempt): Answer {
    const known = this.made.get(a.key);
    if (known && known.id !== this.id)
      return { k: "copied", meta: known, of: a.form === "copy" ? undefined : this.meta };
    if (known) return { k: a.form === "restore" ? "restored" : "ok", meta: known };
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
    return { k: "copied", meta, of };
  }

  private done(a: Attempt, meta: Meta): Answer {
    this.made.set(a.key, meta);
    return { k: a.form === "restore" ? "restored" : "ok", meta };
  }
}

/** What is under way and has no outcome yet. `run` takes one that the test chooses. */
interface Pending {
  /** Of which document. */
  id: string;
  what: "keep" | "send" | "load" | "poll" | "who" | "news" | "drop";
  run: (fault: number) => void;
}

export class Device {
  journal = new Map<string, Kept>();
  mirror = new Map<string, Kept>();
  aside: string[] = [];
  tabs: Tab[] = [];
  opened = 0;
  private forked = new Map<string, Server>();
  /** Somebody else is signed in, who cannot see the document. */
  isOther = false;
  constructor(
    readonly server: Server,
    readonly config: Config = CONFIG,
  ) {}

  /** What the server has of a document: the first, or one that a tab continued under a new id. */
  of(id: string): Server {
    if (id === this.server.id) return this.server;
    const found = this.forked.get(id) ?? new Server(id);
    this.forked.set(id, found);
    return found;
  }

  get servers(): Server[] {
    return [this.server, ...this.forked.values()];
  }
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
    const server = device.of(entry?.id ?? ID);
    this.key = `tab-${++device.opened}`;
    const { meta } = server;
    const base = meta && { ...meta, at: meta.updatedAt, device: null, text: server.text };
    this.state = entry
      ? start(entry.id, this.key, device.config, fromEntry(entry))
      : start(ID, this.key, device.config, base ? { base, kind: meta.status } : {});
    this.screen = this.state.text;
    device.tabs.push(this);
    if (!entry) return;
    device.journal.set(this.keyOf(), entry);
    if (this.state.attempt) this.dispatch({ t: "retry" });
    else if (meta) this.load();
    else this.dispatch({ t: "send" });
  }

  /** What the server has of this document. */
  get server(): Server {
    return this.device.of(this.state.id);
  }

  keyOf(id = this.state.id): string {
    return `${this.key}/${id}`;
  }

  entry(): Kept {
    return { ...toEntry(this.state), id: this.state.id };
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
    const { meta, text } = this.server;
    if (meta) this.dispatch({ t: "replace", base: baseOf(meta, text), kind: meta.status });
  }

  /** As `saveAs`, which nothing stops. */
  fork(id: string): void {
    this.dispatch({ t: "fork", id, title: id });
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
    const { device } = this;
    switch (effect[0]) {
      case "timer":
        if (effect[2]) this.timers.add(effect[1]);
        else this.timers.delete(effect[1]);
        break;
      case "mirror":
        device.mirror.set(this.keyOf(), this.entry());
        break;
      case "keep":
        this.keep();
        break;
      case "drop": {
        const acked = effect[1] ? Infinity : this.state.acked;
        const key = this.keyOf(effect[1]);
        this.pending.push({
          id: this.state.id,
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
          id: this.state.id,
          what: "poll",
          run: (fault) => this.dispatch({ t: "polled", r: this.found(fault) }),
        });
        break;
      case "who":
        this.pending.push({
          id: this.state.id,
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
          if (tab.state.id !== this.state.id) continue;
          const version = this.state.base!.version;
          if (tab !== this)
            tab.pending.push({ id: tab.state.id, what: "news", run: () => tab.dispatch({ t: "news", version }) });
        }
    }
  }

  private keep(): void {
    const entry = this.entry();
    const key = this.keyOf();
    this.pending.push({
      id: this.state.id,
      what: "keep",
      run: (fault) => {
        if (!fault) this.device.journal.set(key, entry);
        this.dispatch({ t: "kept", edits: entry.edits, key: entry.attempt?.key, ok: !fault });
      },
    });
  }

  private send(now: boolean): void {
    const { server } = this;
    const { journal, mirror } = this.device;
    const attempt = this.state.attempt!;
    const { id } = this.state;
    if (this.pending.some((one) => one.what === "send" && one.id === id)) throw new Error("two requests at once");
    const kept = [journal.get(this.keyOf()), mirror.get(this.keyOf())].some(
      (one) => one?.attempt?.key === attempt.key,
    );
    if (!kept && !this.state.failing) throw new Error(`sent before it was in the journal (${now})`);
    const answer = (r: Answer) => this.dispatch({ t: "answer", key: attempt.key, r, now: 0, random: 0 });
    this.pending.push({
      id: this.state.id,
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
      id: this.state.id,
      what: "load",
      run: (fault) => {
        const { text } = this.server;
        this.dispatch({ t: "loaded", r: this.found(fault), text, id: "new-id", now: 0, random: 0 });
      },
    });
  }

  private found(fault: number): Answer {
    const { server } = this;
    const { isOther } = this.device;
    if (fault || !server.meta) return { k: "lost" };
    return isOther ? { k: "missing" } : { k: "ok", meta: server.meta };
  }
}
