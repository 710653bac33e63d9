import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONFIG, Device, Server, Tab } from "./world.js";

type Command = readonly [name: string, tab: number, choice: number, fault: number];

const NAMES = [
  "edit",
  "edit",
  "edit",
  "timer",
  "timer",
  "timer",
  "run",
  "run",
  "run",
  "run",
  "run",
  "run",
  "hide",
  "show",
  "online",
  "save",
  "flush",
  "rename",
  "resolve",
  "reload",
  "restore",
  "undo",
  "fork",
  "crash",
  "close",
  "open",
  "reopen",
  "other",
  "closed",
  "other person",
  "journal",
];

const command = fc.tuple(
  fc.constantFrom(...NAMES),
  fc.nat(7),
  fc.nat(20),
  fc.constantFrom(0, 0, 0, 0, 1, 2, 4),
);

/** Runs commands. After each, every edit must be on the server, in the journal or on a screen. */
class Run {
  edits = new Set<string>();
  made = 0;

  constructor(readonly device: Device) {
    new Tab(this.device);
  }

  get tabs(): Tab[] {
    return this.device.tabs.filter((tab) => tab.alive);
  }

  do([name, which, choice, fault]: Command): void {
    const tab = this.tabs[which % Math.max(1, this.tabs.length)];
    if (!tab || name === "open") {
      // Only its own page knows a document that the server does not have.
      if (this.tabs.length < 3 && this.device.server.meta) new Tab(this.device);
    } else this.act(name, tab, choice, fault);
    this.check(name);
  }

  private act(name: string, tab: Tab, choice: number, fault: number): void {
    const { server } = tab;
    if (name === "edit") this.edit(tab);
    else if (name === "timer") {
      const due = [...tab.timers];
      const timer = due[choice % Math.max(1, due.length)];
      if (!timer) return;
      tab.timers.delete(timer);
      tab.dispatch({ t: timer as "send" });
    } else if (name === "run") this.settle(tab, choice, fault);
    else if (name === "journal") {
      const keep = tab.pending.findIndex((one) => one.what === "keep" || one.what === "drop");
      if (keep >= 0) tab.pending.splice(keep, 1)[0]!.run(0);
    } else if (
      name === "hide" ||
      name === "show" ||
      name === "online" ||
      name === "flush" ||
      name === "undo"
    ) {
      tab.dispatch({ t: name });
    } else if (name === "save")
      tab.dispatch({ t: "save", rename: choice % 2 ? { title: `title ${choice}` } : null });
    else if (name === "rename") tab.dispatch({ t: "rename", rename: { title: `title ${choice}` } });
    else if (name === "restore") {
      if (server.history.length && tab.safe === "server") {
        tab.dispatch({ t: "restore", version: 1 + (choice % server.history.length) });
      }
    } else if (name === "reload") tab.reload();
    else if (name === "fork") tab.fork(`fork-${++this.made}`);
    else if (name === "resolve") {
      const how = (["mine", "theirs", "copy", { text: `${tab.screen}merged;` }] as const)[choice % 4]!;
      tab.dispatch({ t: "resolve", how, id: "id-of-copy" });
    } else if (name === "other person") this.device.isOther = !this.device.isOther;
    else if (name === "crash") this.crash(tab);
    else if (name === "close") {
      tab.dispatch({ t: "hide" });
      tab.crash();
    } else if (name === "reopen") this.reopen();
    else if (name === "other" && server.meta && server.meta.status !== "closed") {
      server.save(`${server.text}other${++this.made};`);
    } else if (name === "closed" && server.meta && server.meta.status !== "draft") {
      server.save(server.text, { status: server.meta.status === "closed" ? "active" : "closed" });
    }
  }

  edit(tab: Tab): void {
    const token = `e${++this.made}`;
    this.edits.add(token);
    tab.edit(token);
  }

  /** One outcome. Writes to the journal keep their order. */
  settle(tab: Tab, choice: number, fault: number): void {
    let index = choice % Math.max(1, tab.pending.length);
    const isWrite = (what: string | undefined) => what === "keep" || what === "drop";
    if (isWrite(tab.pending[index]?.what)) index = tab.pending.findIndex((one) => isWrite(one.what));
    const [one] = tab.pending.splice(index, 1);
    // What was asked about the document before `saveAs` is not about the new one.
    const isOld = one?.id !== tab.state.id && ["load", "poll", "news"].includes(one?.what ?? "");
    if (!isOld) one?.run(fault);
  }

  /** What was said to be safe must be. The rest of a crashed tab may be lost. */
  crash(tab: Tab): void {
    const said = tab.safe;
    tab.crash();
    for (const token of this.lost()) {
      assert.equal(said, "nowhere", `${token} was lost although it was said to be safe: ${said}`);
      this.edits.delete(token);
    }
  }

  /** Opens what a tab that is gone has left. */
  reopen(): void {
    const { journal, mirror, tabs } = this.device;
    for (const [key, copy] of mirror) {
      if (tabs.find((tab) => key.startsWith(`${tab.key}/`))!.alive) continue;
      const entry = journal.get(key);
      if (!entry || entry.edits <= copy.edits) journal.set(key, copy);
      mirror.delete(key);
    }
    const orphan = [...journal.keys()].find((key) => !tabs.find((tab) => key.startsWith(`${tab.key}/`))!.alive);
    if (!orphan) return;
    const entry = journal.get(orphan)!;
    new Tab(this.device, JSON.parse(JSON.stringify(entry)));
    journal.delete(orphan);
  }

  lost(): string[] {
    const { journal, mirror } = this.device;
    const texts = [...this.kept(), ...this.tabs.map((tab) => tab.screen)];
    for (const tab of this.tabs) if (tab.state.copied) texts.push(tab.state.copied.text);
    for (const entry of [...journal.values(), ...mirror.values()])
      texts.push(entry.content, entry.attempt?.text ?? "");
    const all = texts.join("\n");
    return [...this.edits].filter((token) => !all.includes(`${token};`));
  }

  /** What is on the server, in every version and copy, or put aside. */
  private kept(): string[] {
    const { servers, aside } = this.device;
    return [...servers.flatMap(({ history, copies }) => [...history, ...copies]), ...aside];
  }

  check(after: string): void {
    assert.deepEqual(this.lost(), [], `lost after ${after}`);
    for (const tab of this.tabs) {
      if (tab.safe !== "server" || tab.state.loading) continue;
      const known = [...this.kept(), ""];
      assert.ok(known.includes(tab.screen), `"server" was said of "${tab.screen}" after ${after}`);
    }
  }

  /** Without faults, and with decisions, every tab gets to the end. */
  finish(): void {
    this.device.isOther = false;
    for (const server of this.device.servers)
      if (server.meta?.status === "closed") server.save(server.text, { status: "active" });
    for (let round = 0; round < 400; round++) {
      this.reopen();
      const busy = this.tabs.filter((tab) => this.push(tab, round));
      this.check("the end");
      if (!busy.length && round > 10) break;
    }
    for (const tab of this.tabs) {
      assert.equal(tab.safe, "server", JSON.stringify(tab.state));
      assert.equal(tab.state.trouble, "", JSON.stringify(tab.state));
      assert.equal(tab.screen, tab.server.text);
    }
    assert.equal(this.device.journal.size, 0);
  }

  private push(tab: Tab, round: number): boolean {
    let busy = false;
    for (let n = 0; tab.pending.length && n < 50; n++) {
      this.settle(tab, 0, 0);
      busy = true;
    }
    if (tab.state.conflict && !tab.state.attempt) {
      const how = (["mine", "theirs", "copy"] as const)[round % 3]!;
      tab.dispatch({ t: "resolve", how, id: "id-of-copy" });
      return true;
    }
    for (const timer of ["journal", "send", "retry"] as const)
      if (tab.timers.delete(timer)) tab.dispatch({ t: timer });
    tab.dispatch({ t: "show" });
    return busy || tab.safe !== "server";
  }
}

/** What was asked for by a save must not outlive the edits that a person gives up. */
const PROMOTED_THEN_RELOADED = [
  ...["save", "run", "run", "other person", "run", "run", "reload", "hide", "journal"].map((name) => [name, 0, 0, 0]),
  ["run", 0, 5, 1],
  ["flush", 0, 0, 0],
] as Command[];

const RUNS = Number(process.env["RUNS"] ?? 2000);

test("each edit is on the server, in the journal or on a screen, whatever happens", () => {
  fc.assert(
    fc.property(
      fc.array(command, { maxLength: 60, size: "max" }),
      fc.constantFrom("ask", "copy"),
      (commands, how) => {
        const run = new Run(new Device(new Server(), { ...CONFIG, onConflict: how }));
        for (const one of commands) run.do(one);
        run.finish();
      },
    ),
    { numRuns: RUNS, includeErrorInReport: true, examples: [[PROMOTED_THEN_RELOADED, "ask"]] },
  );
});
