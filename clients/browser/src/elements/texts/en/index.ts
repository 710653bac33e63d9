/** English, and the keys of the table. Each part belongs to the elements that say it. */

import type { Text } from "../index.js";
import { activity } from "./activity.js";
import { common } from "./common.js";
import { conflict } from "./conflict.js";
import { document } from "./document.js";
import { history } from "./history.js";
import { lists } from "./lists.js";
import { share } from "./share.js";
import { usage } from "./usage.js";

export const english = { ...activity, ...common, ...conflict, ...document, ...history, ...lists, ...share, ...usage };

export type Table = Record<keyof typeof english, Text>;
