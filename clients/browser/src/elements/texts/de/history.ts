import type { history as english } from "../en/history.js";
import type { Text } from "../index.js";

export const history: Record<keyof typeof english, Text> = {
  "compare.none": "Beide sind gleich.",
};
