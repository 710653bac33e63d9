/** A chart of one channel over the newest laps, drawn as SVG. */

import { jtd } from "@savepoint/client/jtd";
import { versions } from "@savepoint/client/schema";
import { make } from "../page.js";
import { labelled, titleField, type Kind } from "./kind.js";
import { CHANNELS, LAPS, nameOf } from "./laps.js";

interface Chart {
  settings: { title: string; channel: string };
  /** How many of the newest laps are shown. */
  view: { last: number };
}

const WIDTH = 400;
const HEIGHT = 140;
const EDGE = 8;
const LAST_MIN = 2;
const SVG = "http://www.w3.org/2000/svg";

const fits = (last: number): boolean => last >= LAST_MIN && last <= LAPS;

export const chart: Kind<Chart> = {
  name: "Chart",
  initial: () => ({ settings: { title: "Speed", channel: "speed" }, view: { last: LAPS } }),
  versions: versions<Chart>(
    {
      2: ({ channel, laps }) => ({ title: nameOf(channel), channel, laps }), // charts have titles
      3: ({ title, channel, laps }) => ({ settings: { title, channel }, view: { last: laps } }),
    },
    {
      validate: jtd({
        properties: {
          settings: { properties: { title: { type: "string" }, channel: { type: "string" } } },
          view: { properties: { last: { type: "uint32" } } },
        },
      }),
    },
  ),
  isValid: ({ settings: { channel }, view: { last } }) =>
    CHANNELS.has(channel) ? fits(last) || `there are ${LAPS} laps, not ${last}` : `there is no channel “${channel}”`,
  fixup: ({ settings, view: { last } }) => ({
    settings: { ...settings, channel: CHANNELS.has(settings.channel) ? settings.channel : "speed" },
    view: { last: fits(last) ? last : LAPS },
  }),
  draw(state, edited) {
    const { settings, view } = state;
    const picture = make("figure", {}, ...draw(state));
    const again = (): void => {
      picture.replaceChildren(...draw(state));
      edited();
    };
    const channel = make("select", {});
    for (const [key, { name }] of CHANNELS) channel.append(new Option(name, key, false, key === settings.channel));
    channel.addEventListener("change", () => {
      settings.channel = channel.value;
      again();
    });
    const last = make("input", { type: "range", min: String(LAST_MIN), max: String(LAPS), value: String(view.last) });
    last.addEventListener("input", () => {
      view.last = last.valueAsNumber;
      again();
    });
    const fields = make("div", { className: "fields" }, titleField(settings, edited));
    fields.append(labelled("Channel", channel), labelled("Newest laps", last));
    return [picture, fields];
  },
};

function draw({ settings: { channel }, view: { last } }: Chart): Element[] {
  const { name, unit, values } = CHANNELS.get(channel)!;
  const shown = values.slice(-last);
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const points = shown.map((value, at) => {
    const x = EDGE + ((WIDTH - 2 * EDGE) * at) / (shown.length - 1);
    const y = HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * (value - low)) / (high - low || 1);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const size = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" };
  const svg = svgOf("svg", { ...size, class: "chart", role: "img", "aria-label": name });
  svg.append(svgOf("polyline", { points: points.join(" ") }));
  const textContent = `${name} in the last ${last} laps: from ${low} to ${high} ${unit}`;
  return [svg, make("figcaption", { className: "quiet", textContent })];
}

function svgOf(name: string, attributes: Record<string, string>): SVGElement {
  const made = document.createElementNS(SVG, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
