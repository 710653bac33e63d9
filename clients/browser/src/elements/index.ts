/** Elements for all that a person does with documents. Importing this defines them. See docs/elements.md. */

export { bytes, say, setTexts, type Table, type Text } from "./texts/index.js";
export type { Notice, SavepointEvents } from "./element.js";
export { changes, inWords, type Change } from "./changes.js";
export { CompareElement, type Compared } from "./compare.js";
export { ConflictElement } from "./conflict.js";
export { HistoryElement } from "./history.js";
export { LeaveElement } from "./leave.js";
export { MergeElement } from "./merge.js";
export { NoticesElement } from "./notices.js";
export { OversizeElement } from "./oversize.js";
export { RecoveryElement } from "./recovery.js";
export { SaveElement } from "./save.js";
export { StatusElement } from "./status.js";
export { TimeElement } from "./time.js";
