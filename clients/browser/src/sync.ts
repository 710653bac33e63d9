/** The most that one sync takes. */
export const TOGETHER = 40;
