/** Keeps the documents of a page: in the browser at once, on a Savepoint server soon after. */

export { connect, type Server } from "./server.js";
export { Problem } from "./http.js";
export type { OpenDocument, SaveOptions, ShareOptions } from "./document.js";
export type { Conflict } from "./model.js";
export type { Claimed, Recoverable } from "./recovery.js";
export type { Shared } from "./sealed.js";
export type { ApplyInfo, ConnectOptions, OpenOptions } from "./types.js";
export type { DocumentState, Status } from "./view.js";
