/** Versions of an app's format, and documents made of modules. See docs/schema.md. */

export { modules, type Module, type Modules, type Report } from "./modules.js";
export { versions, type Read, type StandardSchema, type Versions, type VersionsOptions } from "./versions.js";
