/** What the board shows: the laps of a run, made up and always the same. */

interface Channel {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
}

export const LAPS = 20;

const run = (from: number, span: number, step: number): number[] =>
  Array.from({ length: LAPS }, (_, lap) => Math.round(from + span * Math.sin(lap * step) + (span * lap) / LAPS));

/** The channels that the app has now. What was saved may name others. */
export const CHANNELS: ReadonlyMap<string, Channel> = new Map([
  ["speed", { name: "Speed", unit: "km/h", values: run(61, 6, 0.9) }],
  ["rpm", { name: "Engine speed", unit: "1/min", values: run(24_000, 1_800, 0.6) }],
  ["temperature", { name: "Motor temperature", unit: "°C", values: run(58, 9, 0.2) }],
]);

export const nameOf = (channel: string): string => CHANNELS.get(channel)?.name ?? channel;

export const missing = (channels: readonly string[]): string | undefined =>
  channels.find((channel) => !CHANNELS.has(channel));
