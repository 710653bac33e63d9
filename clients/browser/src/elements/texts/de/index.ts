/** German. */

import type { Table } from "../en/index.js";
import { activity } from "./activity.js";
import { common } from "./common.js";
import { conflict } from "./conflict.js";
import { document } from "./document.js";
import { history } from "./history.js";
import { lists } from "./lists.js";
import { share } from "./share.js";
import { usage } from "./usage.js";

export const german: Table = { ...activity, ...common, ...conflict, ...document, ...history, ...lists, ...share, ...usage };
