// Runs the tests of the module in Node: node tests/run.mjs [names]
//
// Node 20 does not read TypeScript, so esbuild bundles each file first.

import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const named = process.argv.slice(2);
const names = (await readdir(here)).filter((name) => name.endsWith(".test.ts"));
const wanted = names.filter((name) => !named.length || named.some((part) => name.includes(part)));
const out = await mkdtemp(join(here, "..", "node_modules", ".tests-"));
try {
  const { outputFiles } = await build({
    entryPoints: wanted.map((name) => join(here, name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    sourcemap: "inline",
    logLevel: "warning",
    metafile: false,
  });
  void outputFiles;
  const files = wanted.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
  const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], {
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
} finally {
  await rm(out, { recursive: true });
}
