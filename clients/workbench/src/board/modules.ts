/** The modules of a board: made by buttons or from a saved text, removed, and saved each by itself. */

import { modules, type Modules, type Report } from "@savepoint/client/schema";
import { make, notify } from "../page.js";
import { chart } from "./chart.js";
import type { Kind } from "./kind.js";
import { notes } from "./notes.js";
import { Panel } from "./panel.js";
import { inWords } from "./reports.js";
import { table } from "./table.js";

/** The kinds by the first part of an id, such as `chart-x7d2k9`. */
export const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>(Object.entries({ chart, table, notes }));

export class Board {
  readonly element = make("div", { className: "stack" });
  /** Says what was migrated, repaired, kept or begun anew. */
  readonly told = make("div", { className: "told" });
  onedit: () => void = () => undefined;
  readonly #panels = new Map<string, Panel>();
  readonly #registry: Modules;
  #reports: Report[] = [];

  constructor() {
    this.told.setAttribute("role", "status");
    this.#registry = modules(
      (report) => this.#take(report),
      (id) => this.#panel(id)?.module,
    );
  }

  /** What a new board has. */
  begin(): void {
    for (const kind of KINDS.keys()) this.#put(idOf(kind));
  }

  readonly serialize = (): string => this.#registry.serialize();

  readonly apply = (text: string): void => {
    this.#reports = [];
    for (const panel of this.#panels.values()) panel.isNewer = false;
    this.#registry.apply(text);
    const items = this.#reports.map((one) =>
      make("li", { textContent: inWords(one, this.#panels.get(one.id)?.name) }),
    );
    const heading = make("h2", { textContent: "What was found when the board was opened" });
    this.told.replaceChildren(...(items.length ? [heading, make("ul", {}, ...items)] : []));
  };

  /** Adds a module of a kind. It has the focus then. */
  add(kind: string): void {
    const { element } = this.#put(idOf(kind));
    element.focus();
    this.onedit();
  }

  #put(id: string, state?: object): Panel {
    const panel = this.#panel(id)!;
    this.#registry.add(id, panel.module);
    panel.module.apply(state ?? panel.module.initial());
    return panel;
  }

  /** Makes the panel of a module. Undefined if this page does not know its kind. */
  #panel(id: string): Panel | undefined {
    const kind = KINDS.get(id.split("-")[0]!);
    if (!kind) return undefined;
    const panel = new Panel(kind, id, {
      edited: () => this.onedit(),
      remove: () => this.#remove(id, panel),
      gone: () => this.#drop(id),
    });
    this.#panels.set(id, panel);
    this.element.append(panel.element);
    return panel;
  }

  #remove(id: string, { element, name, state }: Panel): void {
    const next = element.nextElementSibling ?? element.previousElementSibling ?? element.closest("main");
    this.#drop(id);
    (next as HTMLElement | null)?.focus();
    this.onedit();
    notify(`${name} is removed.`, async () => {
      if (!this.element.isConnected) throw new Error("The board is not open any more.");
      if (this.#panels.has(id)) return;
      this.#put(id, state).element.focus();
      this.onedit();
    });
  }

  #drop(id: string): void {
    this.#registry.remove(id);
    this.#panels.get(id)?.element.remove();
    this.#panels.delete(id);
  }

  #take(report: Report): void {
    this.#reports.push(report);
    const panel = this.#panels.get(report.id);
    if (panel && report.outcome === "kept") panel.isNewer = true;
  }
}

const idOf = (kind: string): string => `${kind}-${crypto.randomUUID().slice(0, 8)}`;
