/** English, and the keys of the table. Each part belongs to the elements that say it. */

import type { Text } from "../index.js";
import { common } from "./common.js";
import { document } from "./document.js";

export const english = { ...common, ...document };

export type Table = Record<keyof typeof english, Text>;
