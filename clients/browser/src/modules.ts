/** Documents made of modules that are saved apart from each other. */

import { versions, type Versions } from "./versions.js";

/** A part of an app that is saved by itself: its settings, and how it is looked at. */
export interface Module<S = any> {
  /** What it is without anything saved. */
  initial: () => S;
  /** Returns its state as it is now, as JSON values. */
  serialize: () => S;
  /** Shows a state. If it throws, the initial state is shown. */
  apply: (state: S) => void;
  versions?: Versions<S>;
  /** Whether a state fits the app as it is now: whether the channel that it names exists. Says in words what does not. */
  isValid?: (state: S) => boolean | string;
  /** Makes a state fit, or returns undefined if that cannot be done. */
  fixup?: (state: S) => S | undefined;
  /** Called if a text is loaded that does not have the module. The default shows the initial state. */
  gone?: () => void;
}

/** What happened to a module that was not simply loaded. */
export interface Report {
  readonly id: string;
  /** `kept`: nobody here knows it, or only a newer version does; it is saved again as it was. `initial`: it could not
   * be used, and is kept aside. `aside`: a line that is no module's, or a text of something else, is kept aside. */
  readonly outcome: "migrated" | "repaired" | "kept" | "initial" | "aside";
  readonly why: string;
}

export interface Modules {
  /** Adds a module. If something was loaded for it before, it gets that now. Returns a function that removes it. */
  add(id: string, module: Module): () => void;
  /** Removes a module, and what was saved for it. */
  remove(id: string): void;
  /** For `serialize` and `apply` of a document. */
  serialize(): string;
  apply(text: string): Report[];
  /** What happened at the last `apply`, and to modules that were added since. */
  readonly reports: readonly Report[];
}

/** Returns a registry of the modules of a document.
 *
 * The text is JSON with one line for each module, so one line that is damaged spoils no other, and what this version
 * does not know stays byte for byte. `make` returns the modules that a text has and nobody has added, or undefined.
 */
export function modules(
  onReport?: (report: Report) => void,
  make?: (id: string) => Module | undefined,
): Modules {
  const known = new Map<string, Module>();
  /** Lines of modules that nobody here can read. */
  const kept = new Map<string, string>();
  /** The own lines of modules of which a newer version saved something, as they were when they began anew. */
  const untouched = new Map<string, string>();
  let aside: [string, string][] = [];
  let reports: Report[] = [];

  function report(id: string, outcome: Report["outcome"], why: string): void {
    const one = { id, outcome, why };
    reports.push(one);
    onReport?.(one);
  }

  /** A module that fails at each load is put aside once, so that a document does not grow by loading it. */
  function putAside(id: string, line: string): void {
    if (!aside.some((one) => one[0] === id && one[1] === line)) aside.push([id, line]);
  }

  function load(id: string, module: Module, line: string): void {
    const { newest, read } = module.versions ?? versions();
    let schema = 1;
    try {
      const saved = JSON.parse(line) as { schema?: number; state: unknown };
      schema = saved.schema ?? 1;
      const { value, repaired } = read(saved.state, schema);
      const [fitting, fixed] = fit(module, value);
      module.apply(fitting);
      const why = repaired ?? fixed;
      if (why) report(id, "repaired", why);
      else if (schema < newest) report(id, "migrated", `from version ${schema}`);
    } catch (error) {
      const isNewer = schema > newest;
      if (isNewer) kept.set(id, line);
      else putAside(id, line);
      report(id, isNewer ? "kept" : "initial", String((error as Error)?.message ?? error));
      module.apply(module.initial());
      if (isNewer) untouched.set(id, lineOf(module));
    }
  }

  /** Returns what to save of a module. What a newer version saved stays, until a person changes the module here. */
  function lineFor(id: string, module: Module): string {
    const line = lineOf(module);
    const newer = kept.get(id);
    if (newer === undefined) return line;
    if (line === untouched.get(id)) return newer;
    kept.delete(id);
    putAside(id, newer);
    return line;
  }

  return {
    get reports() {
      return reports;
    },
    add(id, module) {
      known.set(id, module);
      const line = kept.get(id);
      kept.delete(id);
      if (line !== undefined) load(id, module, line);
      return () => {
        if (known.get(id) !== module) return;
        kept.set(id, lineFor(id, module));
        known.delete(id);
      };
    },
    remove(id) {
      known.delete(id);
      kept.delete(id);
    },
    serialize() {
      const lines = new Map([...known].map(([id, module]) => [id, lineFor(id, module)]));
      kept.forEach((line, id) => lines.set(id, line));
      const parts = [...lines].map(([id, line]) => `${JSON.stringify(id)}:${line}`);
      return `{"format":1,"aside":${JSON.stringify(aside)},"modules":{\n${parts.join(",\n")}\n}}`;
    },
    apply(text) {
      kept.clear();
      untouched.clear();
      reports = [];
      const [found, before, damaged] = linesOf(text);
      aside = before;
      for (const line of damaged) {
        putAside("", line);
        report("", "aside", "not a module");
      }
      for (const [id, line] of found) {
        const module = known.get(id) ?? make?.(id);
        if (module) {
          known.set(id, module);
          load(id, module, line);
        } else {
          kept.set(id, line);
          report(id, "kept", "no such module");
        }
      }
      known.forEach((module, id) => {
        if (found.has(id)) return;
        if (module.gone) module.gone();
        else module.apply(module.initial());
      });
      return reports;
    },
  };
}

const lineOf = (module: Module): string =>
  JSON.stringify({ schema: module.versions?.newest ?? 1, state: module.serialize() });

function fit<S>(module: Module<S>, state: S): [S, string?] {
  const why = unfit(module, state);
  if (!why) return [state];
  const fixed = module.fixup?.(state);
  if (fixed === undefined || unfit(module, fixed)) throw new Error(why);
  return [fixed, why];
}

function unfit<S>({ isValid }: Module<S>, state: S): string | undefined {
  const found = isValid?.(state) ?? true;
  return found === true ? undefined : found || "does not fit";
}

/** JSON may have U+2028 in a text, which ends no line here. */
const LINE = /^("(?:[^"\\]|\\.)*"):(.*?),?$/s;

/** Returns the line of each module, what is aside since earlier, and lines that are no module's. */
function linesOf(text: string): [Map<string, string>, [string, string][], string[]] {
  const found = new Map<string, string>();
  if (!text) return [found, [], []];
  const [head = "", ...rest] = text.split("\n");
  if (!head.startsWith('{"format":1,')) return [found, [], [text]];
  let aside: [string, string][] = [];
  const damaged: string[] = [];
  try {
    aside = [...(JSON.parse(`${head}}}`) as { aside: [string, string][] }).aside];
  } catch {
    damaged.push(head);
  }
  for (const line of rest) {
    if (line === "}}" || line === "") continue;
    const [, id, state = ""] = LINE.exec(line) ?? [];
    try {
      found.set(JSON.parse(id ?? "") as string, state);
    } catch {
      damaged.push(line);
    }
  }
  return [found, aside, damaged];
}
