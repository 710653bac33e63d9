/** A table of the laps, with the columns that a person chose, sorted by one of them. */

import { jtd } from "@savepoint/client/jtd";
import { versions } from "@savepoint/client/schema";
import { make } from "../page.js";
import { titleField, type Kind } from "./kind.js";
import { CHANNELS, LAPS, missing, nameOf } from "./laps.js";

interface Table {
  settings: { title: string; columns: string[] };
  view: { sort: string; down: boolean };
}

const LAP = "lap";

export const table: Kind<Table> = {
  name: "Table",
  initial: () => ({
    settings: { title: "Laps", columns: [...CHANNELS.keys()] },
    view: { sort: LAP, down: false },
  }),
  versions: versions<Table>(
    {
      // The first version had `columns: "speed,rpm"` and `sort: "-speed"`.
      2: ({ columns, sort }) => ({
        settings: { title: "Laps", columns: columns.split(",") },
        view: { sort: sort.replace(/^-/, ""), down: sort.startsWith("-") },
      }),
    },
    {
      validate: jtd({
        properties: {
          settings: { properties: { title: { type: "string" }, columns: { elements: { type: "string" } } } },
          view: { properties: { sort: { type: "string" }, down: { type: "boolean" } } },
        },
      }),
    },
  ),
  isValid({ settings: { columns }, view: { sort } }) {
    const gone = missing([...columns, ...(sort === LAP ? [] : [sort])]);
    return gone === undefined || `there is no channel “${gone}”`;
  },
  fixup: ({ settings, view }) => ({
    settings: { ...settings, columns: settings.columns.filter((each) => CHANNELS.has(each)) },
    view: CHANNELS.has(view.sort) ? view : { sort: LAP, down: false },
  }),
  draw(state, edited) {
    const rows = make("div", { className: "scrolls", tabIndex: 0 });
    rows.setAttribute("role", "region");
    rows.setAttribute("aria-label", "Laps");
    const show = (): void => {
      rows.replaceChildren(rowsOf(state, sortBy));
    };
    const sortBy = (column: string): void => {
      const { view } = state;
      Object.assign(view, { sort: column, down: view.sort === column && !view.down });
      show();
      rows.querySelector<HTMLElement>("[aria-sort] button")?.focus();
      edited();
    };
    const choice = choiceOf(state, () => {
      show();
      edited();
    });
    show();
    return [rows, make("div", { className: "fields" }, titleField(state.settings, edited)), choice];
  },
};

function choiceOf({ settings }: Table, chosen: () => void): HTMLElement {
  const boxes = [...CHANNELS].map(([key, { name }]) => {
    const box = make("input", { type: "checkbox", checked: settings.columns.includes(key) });
    box.addEventListener("change", () => {
      const others = settings.columns.filter((each) => each !== key);
      settings.columns = box.checked ? [...others, key] : others;
      chosen();
    });
    return make("label", { className: "box" }, box, name);
  });
  return make("fieldset", { className: "tools" }, make("legend", { textContent: "Columns" }), ...boxes);
}

function rowsOf({ settings: { columns }, view: { sort, down } }: Table, sortBy: (column: string) => void): HTMLElement {
  const valueOf = (column: string, lap: number): number => CHANNELS.get(column)?.values[lap] ?? lap + 1;
  const laps = Array.from({ length: LAPS }, (_, lap) => lap);
  laps.sort((one, other) => (valueOf(sort, one) - valueOf(sort, other)) * (down ? -1 : 1));
  const shown = [LAP, ...columns];
  const head = make("tr", {}, ...shown.map((column) => headOf(column, sort, down, sortBy)));
  const rows = laps.map((lap) =>
    make("tr", {}, ...shown.map((column) => make("td", { textContent: String(valueOf(column, lap)) }))),
  );
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}

function headOf(column: string, sort: string, down: boolean, sortBy: (column: string) => void): HTMLElement {
  const unit = CHANNELS.get(column)?.unit;
  const button = make("button", { textContent: column === LAP ? "Lap" : `${nameOf(column)} (${unit})` });
  button.addEventListener("click", () => sortBy(column));
  const head = make("th", { scope: "col" }, button);
  if (column === sort) head.setAttribute("aria-sort", down ? "descending" : "ascending");
  return head;
}
