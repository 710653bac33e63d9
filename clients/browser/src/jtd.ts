/** JSON Type Definition (RFC 8927) for `versions`, by npm `jtd`. */

import { validate, type Schema } from "jtd";
import type { StandardSchema } from "./versions.js";

const DEPTH_MAX = 100;

/** Returns a validator of a JSON Type Definition. Forms that refer to themselves more than 100 deep are refused. */
export const jtd = (schema: Schema): StandardSchema => ({
  "~standard": {
    validate(value) {
      const [found] = validate(schema, value, { maxDepth: DEPTH_MAX, maxErrors: 1 });
      if (!found) return { value };
      const rule = `does not fit /${found.schemaPath.join("/")}`;
      return { issues: [{ message: rule, path: found.instancePath }] };
    },
  },
});
