/** Asks before a page leaves a document with unsaved edits: Back, Forward, links and changes of the address. */

interface Guarded {
  readonly state: { readonly dirty: boolean };
}

export interface Guard {
  /** For routers, before they push: true if the document may be left. Asks if it has unsaved edits. */
  allows(): Promise<boolean>;
  stop(): void;
}

/** Returns true to leave. */
export type AskToLeave = () => boolean | Promise<boolean>;

/** Guards a document until `stop`.
 *
 * `ask` is called if the document has unsaved edits. It can show a dialog: the page stays, with its address and its
 * history as they were, until the answer. Nothing is asked where a browser allows no answer, such as at a second Back
 * in a row, at a reload, or when a tab is closed: the journal has the edits.
 */
export function guard(doc: Guarded, ask: AskToLeave): Guard {
  let asked: Promise<boolean> | undefined;

  /** A second try to leave gets the same answer. */
  const allows = (): Promise<boolean> =>
    doc.state.dirty
      ? (asked ??= Promise.resolve(ask()).finally(() => (asked = undefined)))
      : Promise.resolve(true);
  const mayLeave = (go: () => void): void =>
    void allows().then(
      (isAllowed) => isAllowed && go(),
      (error) => reportError(error),
    );
  const isGuarded = (): boolean => doc.state.dirty;
  const { navigation } = globalThis as { navigation?: any };
  return { allows, stop: navigation ? byNavigation(navigation, isGuarded, mayLeave) : byHistory(isGuarded, mayLeave) };
}

type MayLeave = (go: () => void) => void;

/** The Navigation API: Chrome 102, Firefox 147, Safari 26.2. */
function byNavigation(navigation: any, isGuarded: () => boolean, mayLeave: MayLeave): () => void {
  let isPassing = false;

  function listen(event: any): void {
    const { destination, navigationType: type } = event;
    // `pushState` and `replaceState` are calls of the app, whose state cannot be known here: it asks `allows` first.
    const byApp = destination.sameDocument && type !== "traverse" && !event.hashChange;
    if (isPassing || byApp || type === "reload" || event.formData || event.downloadRequest) return;
    if (!event.cancelable || !isGuarded()) return;
    event.preventDefault();
    mayLeave(() => {
      isPassing = true;
      const going =
        type === "traverse"
          ? navigation.traverseTo(destination.key)
          : navigation.navigate(destination.url, { history: type });
      const done = (): void => void (isPassing = false);
      going.committed.then(done, done);
    });
  }

  navigation.addEventListener("navigate", listen);
  return () => navigation.removeEventListener("navigate", listen);
}

const INDEX = "savepoint";

/** Without that API, `popstate` comes when the address has changed. An index in each entry says how to go back. */
function byHistory(isGuarded: () => boolean, mayLeave: MayLeave): () => void {
  const { pushState, replaceState } = history;
  const indexOf = (state: any): number | undefined => state?.[INDEX];
  const mark = (index: number): void =>
    replaceState.call(history, { ...history.state, [INDEX]: index }, "");
  let at = indexOf(history.state) ?? history.length;
  /** What waits for the popstate of our own step. */
  let stepped: (() => void) | undefined;
  let isPassing = false;
  mark(at);

  const marked = {
    pushState: (state: any, unused: string, url?: string | URL | null) =>
      pushState.call(history, { ...state, [INDEX]: ++at }, unused, url),
    replaceState: (state: any, unused: string, url?: string | URL | null) =>
      replaceState.call(history, { ...state, [INDEX]: at }, unused, url),
  };
  Object.assign(history, marked);

  function popped(event: PopStateEvent): void {
    if (stepped) {
      event.stopImmediatePropagation();
      const then = stepped;
      stepped = undefined;
      return then();
    }
    const to = indexOf(event.state);
    const url = location.href;
    const by = to === undefined ? 1 : to - at;
    if (isPassing || !isGuarded() || !by) {
      isPassing = false;
      at += by;
      if (to === undefined) mark(at); // an entry of a link to a fragment
      return;
    }
    event.stopImmediatePropagation();
    stepped = () =>
      mayLeave(() => {
        isPassing = true;
        if (to === undefined) location.href = url;
        else history.go(by);
      });
    history.go(-by);
  }

  /** Comes after popstate, for the same step. */
  function hashed(event: HashChangeEvent): void {
    if (new URL(event.newURL).hash !== location.hash || stepped) event.stopImmediatePropagation();
  }

  /** A link to another page leaves no time to ask later. */
  function clicked(event: MouseEvent): void {
    const link = (event.target as Element | null)?.closest?.<HTMLAnchorElement>("a[href]");
    const isOwn = link && !link.target && !link.download && link.origin === location.origin;
    const isPlain = !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!isOwn || !isPlain || event.defaultPrevented || !isGuarded()) return;
    event.preventDefault();
    mayLeave(() => {
      isPassing = true;
      location.href = link.href;
    });
  }

  addEventListener("popstate", popped, true);
  addEventListener("hashchange", hashed, true);
  addEventListener("click", clicked);
  return () => {
    // Another guard that began later has what was here, and ends later or not.
    if (history.pushState === marked.pushState) Object.assign(history, { pushState, replaceState });
    removeEventListener("popstate", popped, true);
    removeEventListener("hashchange", hashed, true);
    removeEventListener("click", clicked);
  };
}
