/** German. */

import type { Table } from "../en/index.js";
import { common } from "./common.js";
import { document } from "./document.js";

export const german: Table = { ...common, ...document };
