/** German texts: `setTexts("de", german)`. */

export { german } from "./texts/de/index.js";
