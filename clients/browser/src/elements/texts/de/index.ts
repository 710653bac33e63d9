/** German. */

import type { Table } from "../en/index.js";
import { common } from "./common.js";
import { document } from "./document.js";
import { lists } from "./lists.js";
import { share } from "./share.js";

export const german: Table = { ...common, ...document, ...lists, ...share };
