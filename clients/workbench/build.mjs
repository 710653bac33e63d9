// Builds the workbench: functions/workbench_files, the files that GET /api/workbench/{file} serves, with .gz twins.
//
// The pages load the browser module and the elements from the server, as any app does.

import { readFile, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { fill, withTwins } from "../browser/files.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const SERVED = {
  "@savepoint/client": "/api/client/savepoint.js",
  "@savepoint/client/elements": "/api/client/elements.js",
  "@savepoint/client/german": "/api/client/german.js",
  "@savepoint/client/navigation": "/api/client/navigation.js",
  "@savepoint/client/forms": "/api/client/forms.js",
  "@savepoint/client/schema": "/api/client/schema.js",
  "@savepoint/client/jtd": "/api/client/jtd.js",
};

const served = {
  name: "served",
  setup({ onResolve }) {
    onResolve({ filter: /^@savepoint\/client/ }, ({ path }) => ({ path: SERVED[path], external: true }));
  },
};

const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: {
    workbench: "src/workbench.ts",
    raceprep: "src/race-prep.ts",
    board: "src/board.ts", // and board.css
    style: "src/style.css",
  },
  outdir: "dist",
  bundle: true,
  splitting: true, // the editor is a chunk, so that the lists are there before it
  chunkNames: "[name]-[hash]",
  format: "esm",
  target: ["chrome102", "firefox113", "safari16.4"],
  minify: true,
  legalComments: "eof", // the licenses of what is within
  write: false,
  logLevel: "warning",
  plugins: [served],
});
const files = outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]);
for (const name of await readdir(join(here, "pages"))) files.push([name, await readFile(join(here, "pages", name))]);
await fill(join(here, "..", "..", "functions", "workbench_files"), withTwins(files));
