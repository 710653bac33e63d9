/** How many by day, for a picture. */

const DAY_MS = 86_400_000;
const BARS_MAX = 30;

export interface Bar {
  /** When it begins, in milliseconds. */
  readonly from: number;
  readonly count: number;
}

/** Counts times by days, or by more days together, so that there are at most 30 bars. */
export function barsOf(times: readonly number[], now = Date.now()): readonly Bar[] {
  const start = new Date(Math.min(...times));
  start.setHours(0, 0, 0, 0);
  const after = (days: number): number => new Date(start).setDate(start.getDate() + days);
  // A day in which the clock is changed has 23 or 25 hours.
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - start.getTime()) / DAY_MS) + 1;
  const together = Math.ceil(days / BARS_MAX);
  return Array.from({ length: Math.ceil(days / together) }, (_, at) => {
    const [from, to] = [after(at * together), after((at + 1) * together)];
    return { from, count: times.filter((one) => one >= from && one < to).length };
  });
}
