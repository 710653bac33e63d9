/** German. */

import type { Table } from "../en/index.js";
import { common } from "./common.js";
import { conflict } from "./conflict.js";
import { document } from "./document.js";
import { history } from "./history.js";

export const german: Table = { ...common, ...document, ...conflict, ...history };
