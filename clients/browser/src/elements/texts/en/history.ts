/** What comparing and the history say. */
export const history = {
  "compare.none": "Both are the same.",
};
