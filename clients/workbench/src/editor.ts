/** `<workbench-editor>`: CodeMirror for text and JSON, in a shadow root, so that its styles need no permission. */

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { bracketMatching, foldGutter, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--surface)", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-content": { caretColor: "var(--text)", fontFamily: "ui-monospace, monospace" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--raised)", color: "var(--quiet)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { background: "var(--selected) !important" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
  ".cm-scroller": { overflow: "auto" },
});

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--code-name)" },
  { tag: tags.string, color: "var(--code-text)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-value)" },
]);

/** In longer lines, colours and wrapping would make each key slow. */
const LONG_LINE = /[^\n]{20000}/;

const looksLikeJson = (text: string): boolean => /^\s*[[{]/.test(text.slice(0, 1_000));

export class Editor extends HTMLElement {
  /** Called at every edit of a person. */
  onedit: () => void = () => undefined;
  #view: EditorView | undefined;
  #options = { label: "Content", readOnly: false };

  /** Shows a text. Keeps the place of the cursor as far as it exists. */
  show(text: string, options: { label: string; readOnly: boolean }): void {
    this.#options = options;
    const { anchor = 0 } = this.#view?.state.selection.main ?? {};
    const state = this.#state(text, Math.min(anchor, text.length));
    if (this.#view) this.#view.setState(state);
    else this.#view = new EditorView({ state, root: this.#root(), parent: this.#root() });
  }

  get text(): string {
    return this.#view?.state.doc.toString() ?? "";
  }

  override focus(): void {
    this.#view?.focus();
  }

  #root(): ShadowRoot {
    return this.shadowRoot ?? this.attachShadow({ mode: "open" });
  }

  #state(doc: string, anchor: number): EditorState {
    const { label, readOnly } = this.#options;
    const extensions: Extension[] = [
      // Only \n ends a line: \r stays in the text, so every byte comes back.
      EditorState.lineSeparator.of("\n"),
      [lineNumbers(), foldGutter(), drawSelection(), highlightActiveLine(), bracketMatching(), history()],
      [search({ top: true }), highlightSelectionMatches()],
      keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
      [theme, syntaxHighlighting(colours)],
      LONG_LINE.test(doc) ? [] : [EditorView.lineWrapping, looksLikeJson(doc) ? json() : []],
      // Files that are dropped are imports, and no text.
      EditorView.domEventHandlers({ drop: (event) => event.dataTransfer?.types.includes("Files") ?? false }),
      [EditorState.readOnly.of(readOnly), EditorView.contentAttributes.of({ "aria-label": label })],
      EditorView.updateListener.of((update) => {
        if (update.docChanged) this.onedit(); // `show` makes another state, which is no change
      }),
    ];
    return EditorState.create({ doc, selection: { anchor }, extensions });
  }
}

customElements.define("workbench-editor", Editor);
