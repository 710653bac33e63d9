/** What a comparison of two texts is made of. */

/** The keys and positions that lead to a value. Empty for lines of text. */
export type Path = readonly (string | number)[];

export type Kind = "added" | "removed" | "changed" | "moved";

/** One difference. */
export interface Change {
  path: Path;
  kind: Kind;
  /** Values of JSON, or lines of text. Undefined: not there. */
  before: unknown;
  after: unknown;
  /** The positions of an item that was moved, or of the first line, counted from 1. */
  from?: number | undefined;
  to?: number | undefined;
  /** What to call the place, if its path has positions: their names or titles. */
  names?: readonly string[] | undefined;
}

/** One line of the view. `before` and `after` are undefined where a side has nothing. */
export interface Row {
  kind: "same" | Kind;
  before: string | undefined;
  after: string | undefined;
  /** The index of its change. */
  change: number | undefined;
}

export interface Comparison {
  rows: Row[];
  changes: Change[];
  /** True if the texts differ, but in nothing that counts: order of keys, spaces, ends of lines. */
  isOnlyForm: boolean;
  /** Keys that could tell the objects in arrays apart. */
  keys: string[];
}

/** A piece of a changed line: `true` is what differs. */
export type Piece = readonly [text: string, differs: boolean];

export type Side = "mine" | "theirs";

/** A place that both sides have changed. Texts for people; undefined: not there. */
export interface Overlap {
  path: Path;
  names: readonly string[];
  base: string | undefined;
  mine: string | undefined;
  theirs: string | undefined;
}

export interface Merge {
  overlaps: Overlap[];
  /** What is merged already, because only one side changed it. */
  merged: { side: Side; change: Change }[];
  /** Returns the text, with a decision for each overlap. */
  result(choices: readonly Side[]): string;
}
