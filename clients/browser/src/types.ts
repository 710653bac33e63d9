/** What an app gives to the module. */

export interface ConnectOptions {
  /** Where the API is, such as `/api/persistence`. */
  baseUrl: string;
  /** A label for the app. Documents of other apps are left alone. */
  app?: string;
  /** Headers of every request, such as Authorization. A function is called before each. */
  headers?: object | (() => Promise<object>);
  fetch?: typeof fetch;
  /** A label for this device, such as `Firefox on Linux`. */
  deviceInfo?: string;
  /** Called once when the server does not know the person any more. */
  onSignedOut?: () => void;
  /** Called with what an app cannot act on. The default writes it to the console. */
  onError?: (error: unknown) => void;
}

export interface ApplyInfo {
  /** True if the text comes from the journal of a page that is gone. */
  recovered: boolean;
  /** The `schema` of the page that made it, if it comes from a journal. */
  schema: number | undefined;
}

export interface OpenOptions {
  /** The id of a session or draft. Without one, a draft begins. */
  id?: string;
  /** The title of a new one. */
  title?: string;
  /** Returns the document as it is on the screen. Called often: it must be fast. */
  serialize: () => string;
  /** Shows a text. May throw if it cannot: then nothing changes. */
  apply: (text: string, info: ApplyInfo) => void;
  mediaType?: string;
  /** The version of the app's format, which `apply` gets with a text from a journal. */
  schema?: number;
  /** Milliseconds from an edit to the journal, and to the server: after the last one, and at most. */
  journalAfter?: number;
  wait?: number;
  maxWait?: number;
  /** Milliseconds between two looks for changes of others. */
  poll?: number;
  /** `copy` resolves each conflict by keeping both. */
  onConflict?: "ask" | "copy";
}
