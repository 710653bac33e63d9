/** Elements for all that a person does with documents. Importing this defines them. See docs/elements.md. */

export { bytes, say, setTexts, type Table, type Text } from "./texts/index.js";
export type { Notice, SavepointEvents } from "./element.js";
export { NoticesElement } from "./notices.js";
export { SaveElement } from "./save.js";
export { StatusElement } from "./status.js";
export { TimeElement } from "./time.js";
