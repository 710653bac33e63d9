import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "../src/machine.js";
import type { Trouble } from "../src/model.js";
import { view } from "../src/view.js";
import { CONFIG } from "./world.js";

test("the sentence of maintenance is shown under no trouble that came after it", () => {
  const shown = (trouble: Trouble) => view(start("doc-of-tests", "tab-1", CONFIG, { trouble, error: "We move." })).error;
  for (const trouble of ["refused", "offline"] as const) assert.equal(shown(trouble), "We move.");
  for (const trouble of ["", "conflict", "gone", "signed_out", "read_only", "too_large", "no_room"] as const)
    assert.equal(shown(trouble), undefined);
});
