import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jtd } from "../src/jtd.js";
import { modules, versions, type Module } from "../src/schema.js";

interface Chart {
  channel: string;
  zoom: number;
}

/** A module of a dashboard. `channels` are those that the app has now. */
function chart(channels = ["speed", "rpm"]): Module<Chart> & { shown: Chart } {
  const module = {
    shown: { channel: "speed", zoom: 1 },
    initial: () => ({ channel: "speed", zoom: 1 }),
    serialize: () => module.shown,
    apply: (state: Chart) => {
      module.shown = state;
    },
    versions: versions<Chart>(
      { 2: ({ channel, scale }) => ({ channel, zoom: scale }) },
      { validate: jtd({ properties: { channel: { type: "string" }, zoom: { type: "float64" } } }) },
    ),
    isValid: ({ channel }: Chart) => channels.includes(channel) || `there is no channel ${channel}`,
    fixup: (state: Chart) => ({ ...state, channel: channels[0] ?? "" }),
  };
  return module;
}

const document = (...lines: string[]): string => `{"format":1,"aside":[],"modules":{\n${lines.join(",\n")}\n}}`;

test("what was saved is loaded, and the text is JSON", () => {
  const [one, other] = [chart(), chart()];
  one.shown = { channel: "rpm", zoom: 3 };
  const registry = modules();
  registry.add("a", one);
  const text = registry.serialize();
  assert.equal(JSON.parse(text).modules.a.state.zoom, 3);
  const again = modules();
  again.add("a", other);
  assert.deepEqual(again.apply(text), []);
  assert.deepEqual(other.shown, { channel: "rpm", zoom: 3 });
});

test("an old version is migrated, and what does not fit the app is fixed up", () => {
  const registry = modules();
  const [old, unfit] = [chart(), chart()];
  registry.add("old", old);
  registry.add("unfit", unfit);
  const reports = registry.apply(
    document(
      '"old":{"schema":1,"state":{"channel":"rpm","scale":2}}',
      '"unfit":{"schema":2,"state":{"channel":"gone","zoom":5}}',
    ),
  );
  assert.deepEqual(old.shown, { channel: "rpm", zoom: 2 });
  assert.deepEqual(unfit.shown, { channel: "speed", zoom: 5 });
  assert.deepEqual(reports, [
    { id: "old", outcome: "migrated", why: "from version 1" },
    { id: "unfit", outcome: "repaired", why: "there is no channel gone" },
  ]);
});

test("what this version does not know stays byte for byte", () => {
  const registry = modules();
  registry.add("a", chart());
  const newer = '{"schema":9,"state":{"x":1.0,"y":[ 1e2 ]}}';
  const unknown = '{"schema":1,  "state":"\\u00e9"}';
  const reports = registry.apply(document(`"a":${newer}`, `"map":${unknown}`));
  assert.deepEqual(
    reports.map(({ id, outcome }) => [id, outcome]),
    [
      ["a", "kept"],
      ["map", "kept"],
    ],
  );
  const saved = registry.serialize();
  assert.ok(saved.includes(`"a":${newer}`) && saved.includes(`"map":${unknown}`));
});

test("a change to a module that a newer version saved is saved, and what that saved is kept aside", () => {
  const newer = '{"schema":9,"state":{"x":1.0}}';
  for (const isRemoved of [false, true]) {
    const registry = modules();
    const one = chart();
    const remove = registry.add("a", one);
    const reports = registry.apply(document(`"a":${newer}`));
    one.shown = { channel: "rpm", zoom: 4 };
    if (isRemoved) remove();
    registry.serialize();
    const { aside, modules: saved } = JSON.parse(registry.serialize());
    assert.deepEqual(saved.a, { schema: 2, state: { channel: "rpm", zoom: 4 } });
    assert.deepEqual(aside, [["a", newer]]);
    assert.deepEqual(reports.map(({ outcome }) => outcome), ["kept"]);
  }
});

test("what a newer version saved stays byte for byte if the module that cannot read it goes", () => {
  const registry = modules();
  const newer = '{"schema":9,"state":{"x":1.0}}';
  const remove = registry.add("a", chart());
  registry.apply(document(`"a":${newer}`));
  remove();
  assert.ok(registry.serialize().includes(`"a":${newer}`));
});

test("a module that comes later gets what was kept for it, and leaves it when it goes", () => {
  const registry = modules();
  registry.apply(document('"late":{"schema":2,"state":{"channel":"rpm","zoom":7}}'));
  const late = chart();
  const remove = registry.add("late", late);
  assert.equal(late.shown.zoom, 7);
  late.shown = { channel: "rpm", zoom: 8 };
  remove();
  assert.equal(JSON.parse(registry.serialize()).modules.late.state.zoom, 8);
});

test("a module that is broken keeps no other from loading, and what it had is kept aside", () => {
  const registry = modules();
  const [broken, throwing, sound] = [chart(), chart(), chart()];
  throwing.apply = (state) => {
    if (state.zoom === 2) throw new Error("cannot be shown");
    throwing.shown = state;
  };
  registry.add("broken", broken);
  registry.add("throwing", throwing);
  registry.add("sound", sound);
  const lines = [
    '"broken":{"schema":2,"state":{"channel":5}}',
    '"throwing":{"schema":2,"state":{"channel":"rpm","zoom":2}}',
    '"sound":{"schema":2,"state":{"channel":"rpm","zoom":3}}',
  ];
  const reports = registry.apply(document(...lines));
  assert.deepEqual(
    reports.map(({ id, outcome }) => [id, outcome]),
    [
      ["broken", "initial"],
      ["throwing", "initial"],
    ],
  );
  assert.equal(sound.shown.zoom, 3);
  const { aside } = JSON.parse(registry.serialize());
  assert.deepEqual(aside.map(([id]: [string]) => id), ["broken", "throwing"]);
  assert.equal(aside[0][1], '{"schema":2,"state":{"channel":5}}');
});

test("however a text is damaged, the other modules load and every lost line is aside", () => {
  const lines = ["a", "b", "c"].map((id, zoom) => `"${id}":{"schema":2,"state":{"channel":"rpm","zoom":${zoom}}}`);
  const whole = document(...lines);
  fc.assert(
    fc.property(fc.nat(2), fc.nat(30), fc.string({ maxLength: 5 }), (at, place, junk) => {
      const damaged = lines[at]!.slice(0, place) + junk.replaceAll("\n", " ") + lines[at]!.slice(place + 3);
      const registry = modules();
      const charts = lines.map(() => chart());
      ["a", "b", "c"].forEach((id, index) => registry.add(id, charts[index]!));
      registry.apply(whole.replace(lines[at]!, () => damaged));
      charts.forEach((one, index) => {
        if (index !== at) assert.equal(one.shown.zoom, index);
      });
    }),
  );
});

test("modules are made of what a text has, and one that it lacks hears that it is gone", () => {
  const made = new Map<string, ReturnType<typeof chart>>();
  const registry = modules(undefined, (id) => {
    if (!id.startsWith("chart-")) return undefined;
    const module = { ...chart(), gone: () => void (registry.remove(id), made.delete(id)) };
    module.apply = (state) => void (module.shown = state);
    module.serialize = () => module.shown;
    made.set(id, module);
    return module;
  });
  const line = (id: string): string => `"${id}":{"schema":2,"state":{"channel":"rpm","zoom":2}}`;
  const reports = registry.apply(document(line("chart-1"), line("map-1"), line("chart-2")));
  assert.deepEqual(reports.map(({ id }) => id), ["map-1"]);
  assert.equal(made.get("chart-2")?.shown.zoom, 2);
  registry.apply(document(line("map-1"), line("chart-2")));
  assert.deepEqual([...made.keys()], ["chart-2"]);
  registry.remove("chart-2");
  registry.remove("map-1");
  assert.deepEqual(JSON.parse(registry.serialize()).modules, {});
});

test("a line that is no module's is kept aside and reported", () => {
  const registry = modules();
  registry.add("a", chart());
  const sound = '"a":{"schema":2,"state":{"channel":"rpm","zoom":3}}';
  assert.deepEqual(registry.apply(document("junk", sound)), [{ id: "", outcome: "aside", why: "not a module" }]);
  assert.deepEqual(JSON.parse(registry.serialize()).aside, [["", "junk,"]]);
});

test("however many lines are damaged, all are aside, and once", () => {
  const lines = Array.from({ length: 30 }, (_, at) => (at % 2 ? `junk ${at}` : `"c${at}":{"schema":2,"state":${at}}`));
  const text = document(...lines);
  const registry = modules(undefined, (id) => ({ ...chart(), serialize: () => Number(id.slice(1)) }));
  registry.apply(text);
  const once = registry.serialize();
  assert.equal(JSON.parse(once).aside.length, 30);
  registry.apply(once);
  assert.equal(registry.serialize(), once);
});

test("a text of something else is kept aside as it is", () => {
  const registry = modules();
  registry.add("a", chart());
  registry.apply("notes of an earlier app");
  assert.deepEqual(JSON.parse(registry.serialize()).aside, [["", "notes of an earlier app"]]);
});

test("a value is repaired if that is possible, and refused with the reason if not", () => {
  const isEven = (value: unknown): boolean | string => Number(value) % 2 === 0 || "is odd";
  const repairing = versions<number>({}, { validate: isEven, repair: (value) => Number(value) + 1 });
  assert.deepEqual(repairing.read(3, 1), { value: 4, from: 1, repaired: "is odd" });
  assert.throws(() => versions({}, { validate: isEven }).read(3, 1), /is odd/);
  assert.throws(() => versions({ 2: Number }).read(3, 5), /saved by version 5, and this is 2/);
});

test("200 modules of 1.4 MB are loaded", () => {
  const registry = modules();
  const blob = "x".repeat(7_000);
  const lines = Array.from({ length: 200 }, (_, at) => `"m${at}":{"schema":1,"state":{"text":"${blob}"}}`);
  const shown: unknown[] = [];
  for (let at = 0; at < 200; at++) {
    registry.add(`m${at}`, { initial: () => ({}), serialize: () => ({}), apply: (state) => shown.push(state) });
  }
  assert.deepEqual(registry.apply(document(...lines)), []);
  assert.equal(shown.length, 200);
});
