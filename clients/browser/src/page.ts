/** What happens to the page: it is hidden, shown, left and come back to. */

interface PageEvents {
  /** The page may never run again. Once for each time that it is hidden or left. */
  hide(): void;
  show(): void;
  online(): void;
  /** It goes into the back/forward cache or away for good. */
  leave(): void;
  enter(): void;
}

export function watchPage(on: PageEvents): void {
  let gone = false;

  const hide = (): void => {
    if (!gone) on.hide();
    gone = true;
  };
  const look = (): void => {
    if (document.visibilityState === "hidden") return hide();
    gone = false;
    on.show();
  };

  document.addEventListener("visibilitychange", look);
  document.addEventListener("resume", look);
  addEventListener("focus", look);
  addEventListener("online", () => on.online());
  addEventListener("pagehide", () => {
    hide();
    on.leave();
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    on.enter();
    look();
  });
}
