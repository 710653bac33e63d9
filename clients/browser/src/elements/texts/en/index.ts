/** English, and the keys of the table. Each part belongs to the elements that say it. */

import type { Text } from "../index.js";
import { common } from "./common.js";
import { conflict } from "./conflict.js";
import { document } from "./document.js";
import { history } from "./history.js";

export const english = { ...common, ...document, ...conflict, ...history };

export type Table = Record<keyof typeof english, Text>;
