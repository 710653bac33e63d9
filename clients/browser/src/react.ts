/** A document in React: `const state = useDocument(doc)`. */

import { useSyncExternalStore } from "react";
import type { OpenDocument } from "./document.js";
import type { DocumentState } from "./view.js";

/** Returns the state of a document, and renders again when it changes. Undefined as long as there is none. */
export function useDocument(document: OpenDocument): DocumentState;
export function useDocument(document: OpenDocument | null | undefined): DocumentState | undefined;
export function useDocument(document: OpenDocument | null | undefined): DocumentState | undefined {
  return useSyncExternalStore(
    document ? document.subscribe : never,
    () => document?.getSnapshot(),
    () => document?.getSnapshot(),
  );
}

const never = () => () => undefined;
