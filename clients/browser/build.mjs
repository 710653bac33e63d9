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
import { minify } from "terser";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");

// Names within the module that neither the wire, the journal, an app nor a string of ours knows.
const INTERNAL = [
  ..."snapped trouble loading failing visible idle tries stuck rush seed config deltas".split(" "), // of a state
  ..."dispatch stopped signedOut documents shared remember commands isBusy until written report".split(" "),
  ..."answerOf baseOf begin calm conflictOf nameOf pathOf problemOf teach theirsOf unknown meaningOf".split(" "),
  ..."http newId renew proof packing ahead mirrored keepAside leftOf perform hasBegun isLate meta".split(" "),
  ..."later meet local resume prepare packed ready pack strict since unsafe start".split(" "),
];

async function bundle() {
  const { outputFiles } = await build({
    absWorkingDir: here,
    entryPoints: { savepoint: "src/index.ts", react: "src/react.ts" },
    outdir: "dist",
    bundle: true,
    splitting: true, // what is imported dynamically, such as the delta encoder, is a chunk
    chunkNames: "[name]-[hash]",
    format: "esm",
    target: ["chrome102", "firefox113", "safari16.4"],
    external: ["react"],
    minify: true,
    mangleProps: new RegExp(`^(_.*|${INTERNAL.join("|")})$`),
    legalComments: "none",
    write: false,
    logLevel: "warning",
  });
  const names = outputFiles.map(({ path }) => basename(path));
  const files = outputFiles.map(async ({ path, text }) => [basename(path), await smaller(text, names)]);
  return new Map(await Promise.all(files));
}

// Terser's names of variables make a smaller gzip than those of esbuild. The core has the names of its chunks.
async function smaller(text, names) {
  const { code } = await minify(text, {
    module: true,
    ecma: 2020,
    compress: { passes: 2, sequences: false },
    format: { comments: /@vite-ignore|webpackIgnore/ },
  });
  const named = code.replace(/(\w+)-\[hash\]\.js/g, (_, part) => names.find((name) => name.startsWith(`${part}-`)));
  return Buffer.from(named);
}

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

const files = await bundle();
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
