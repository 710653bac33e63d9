// Builds the module: for the server, or with --npm for the package.
//
//   node build.mjs          functions/browser_files: the files that GET /api/client/{file} serves, with their .gz twins
//   node build.mjs --npm    dist: the same files, with the types and the license
//
// Files are written only if they differ, under another name first: a server or a test may be reading them.

import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");

/** Returns the files of some entries by name. Two bundles share no chunk, so the core stays one small file. */
async function bundle(options) {
  const { outputFiles } = await build({
    absWorkingDir: here,
    outdir: "dist",
    bundle: true,
    splitting: true, // what is imported dynamically, such as the delta encoder, is a chunk
    chunkNames: "[name]-[hash]",
    format: "esm",
    target: ["chrome102", "firefox113", "safari16.4"],
    minify: true,
    write: false,
    logLevel: "warning",
    ...options,
  });
  return outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]);
}

/** What a project installs beside the package. The server's files have it within, but for React. */
const installed = (names) => (process.argv.includes("--npm") ? names : []);

const bundles = () =>
  Promise.all([
    bundle({
      entryPoints: { savepoint: "src/index.ts", react: "src/react.ts" },
      external: ["react"],
      mangleProps: /^_/,
      legalComments: "none",
    }),
    bundle({
      entryPoints: { elements: "src/elements/index.ts", german: "src/elements/german.ts" },
      external: installed(["lit"]),
      legalComments: "eof", // the licenses of what is within
    }),
  ]);

async function put(folder, name, bytes) {
  const path = join(folder, name);
  const now = await readFile(path).catch(() => undefined);
  if (now?.equals(bytes)) return;
  await writeFile(`${path}.${process.pid}.tmp`, bytes);
  await rename(`${path}.${process.pid}.tmp`, path);
}

async function fill(folder, files) {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) await put(folder, name, bytes);
  for (const name of await readdir(folder)) {
    // Not what another build is writing.
    if (!files.has(name) && !name.endsWith(".tmp")) await rm(join(folder, name), { recursive: true, force: true });
  }
}

const files = new Map((await bundles()).flat());
if (process.argv.includes("--npm")) {
  await fill(join(here, "dist"), files);
  const tsc = join(here, "node_modules", "typescript", "bin", "tsc");
  execFileSync(process.execPath, [tsc, "--declaration", "--emitDeclarationOnly"], { cwd: here, stdio: "inherit" });
  await copyFile(join(root, "LICENSE"), join(here, "LICENSE"));
} else {
  // A file comes after its twin, because a server looks for the twins of the files that it finds.
  const twins = [...files].map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes, { level: 9 })]);
  await fill(join(root, "functions", "browser_files"), new Map([...twins, ...[...files].sort()]));
}
