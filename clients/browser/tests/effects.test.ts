/** What carries out effects, over a journal and a network that wait for the test. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createEffects, type Shared } from "../src/effects.js";
import { next, start } from "../src/machine.js";
import type { Base, Effect, Event, State } from "../src/model.js";
import type { Requests } from "../src/requests.js";
import { CONFIG } from "./world.js";

const BASE: Base = { etag: '"1"', version: 1, title: "Old", at: "", device: null, text: "one" };
const THEIRS: Base = { ...BASE, etag: '"2"', version: 2, text: "two" };

class Page {
  state: State = start("doc", "seed", CONFIG, { kind: "active", base: BASE });
  /** What the journal was asked for, in this order. */
  log: string[] = [];
  /** Each lets one write go on. */
  held: (() => void)[] = [];
  reported: unknown[] = [];
  fail = (_: Error): void => undefined;

  private readonly effects = createEffects(
    {
      app: "",
      http: { renew: async () => ({}), last: () => ({}), send: () => new Promise(() => undefined) },
      journal: {
        put: async ({ content }: { content: string }) => this.write(`put ${content}`),
        remove: async () => void (await this.write("remove")),
      },
      late: async () => ({ keepAside: (_: object, text: string) => this.write(`aside ${text}`) }),
      ahead: () => undefined,
      report: (error: unknown) => void this.reported.push(error),
    } as unknown as Shared,
    { serialize: () => this.state.text, apply: () => undefined },
    { id: "ann" },
    "tab-1",
    { packed: () => new Promise((_, fail) => (this.fail = fail)) } as unknown as Requests,
    () => this.state,
    (event) => this.dispatch(event),
  );

  dispatch(...events: Event[]): void {
    for (const event of events) {
      const [state, wanted] = next(this.state, event);
      this.state = state;
      wanted.filter(([name]) => name !== "timer").forEach((effect: Effect) => this.effects.perform(effect));
    }
  }

  private async write(what: string): Promise<boolean> {
    this.log.push(what);
    await new Promise<void>((done) => this.held.push(done));
    return true;
  }

  /** Lets all writes go on that wait now or soon. */
  async settle(): Promise<void> {
    for (let n = 0; n < 20; n++) {
      this.held.splice(0).forEach((go) => go());
      await new Promise((done) => setTimeout(done));
    }
  }
}

const typed = (text: string): Event[] => [{ t: "edit" }, { t: "text", text }, { t: "journal" }];

test("a text is put aside before the journal has what takes its place", async () => {
  const page = new Page();
  page.dispatch(...typed("mine"));
  await new Promise((done) => setTimeout(done));
  page.dispatch(...typed("mine, too"), { t: "replace", base: THEIRS, kind: "active" });
  await page.settle();
  assert.deepEqual(page.log, ["put mine", "aside mine, too", "remove"]);
});

test("a request that cannot be made says nothing of an attempt under a new id", async () => {
  const page = new Page();
  page.dispatch(...typed("mine"), { t: "flush" });
  await page.settle();
  assert.equal(page.state.attempt?.at, 1);
  page.dispatch({ t: "fork", id: "new", title: "Second" });
  page.fail(new Error("no memory"));
  await new Promise((done) => setTimeout(done));
  assert.deepEqual([page.reported.length, page.state.attempt?.at, page.state.trouble], [1, 0, ""]);
});
