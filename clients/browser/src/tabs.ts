/** Says to other pages of this browser that this one lives: by a lock, which ends with it. */

import { Name } from "./names.js";

interface Presence {
  /** The name of this page. Those of its documents begin with it. */
  readonly instance: string;
  /** Lets go of what keeps a page out of the back/forward cache, and takes it again. */
  leave(): void;
  enter(): void;
}

export function createPresence(instance: string, report: (error: unknown) => void): Presence {
  let release: (() => void) | undefined;

  function enter(): void {
    if (release) return;
    const held = new Promise<void>((done) => (release = done));
    // Missing on pages without HTTPS.
    navigator.locks?.request(`${Name.Living}${instance}`, () => held).catch(report);
  }

  enter();
  return {
    instance,
    enter,
    leave() {
      release?.();
      release = undefined;
    },
  };
}
