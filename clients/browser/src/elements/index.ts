/** Elements for all that a person does with documents. Importing this defines them. See docs/elements.md. */

export { bytes, fill, say, setTexts, type Table, type Text } from "./texts/index.js";
export type { Notice, SavepointEvents, View } from "./element.js";
export { LinkElement, type LinkTo } from "./link.js";
export { NoticesElement } from "./notices.js";
export { ActivityElement } from "./activity.js";
export { ConfirmElement, type Question } from "./confirm.js";
export { OpenElement } from "./open.js";
export { changes, inWords, type Change } from "./changes.js";
export { CompareElement, type Compared } from "./compare.js";
export { ConflictElement } from "./conflict.js";
export { HistoryElement } from "./history.js";
export { LeaveElement } from "./leave.js";
export { MergeElement } from "./merge.js";
export { OversizeElement } from "./oversize.js";
export { RecoveryElement } from "./recovery.js";
export { SaveElement } from "./save.js";
export { ShareElement } from "./share.js";
export { ShareFormElement } from "./share-form.js";
export { SnapshotsElement } from "./snapshots.js";
export { StatusElement } from "./status.js";
export { TimeElement } from "./time.js";
export { TrashElement } from "./trash.js";
export { UsageElement } from "./usage.js";
export { VisitsElement } from "./visits.js";
