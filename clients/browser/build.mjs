// Builds the module: for the server, or with --npm for the package.
//
//   node build.mjs          functions/browser_files: the files that GET /api/client/{file} serves, with their .gz twins
//   node build.mjs --npm    dist: the same files, with the types and the license

import { execFileSync } from "node:child_process";
import { copyFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";
import { fill, withTwins } from "./files.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");

// Names within the module that neither the wire, the journal, an app nor a string of ours knows.
const INTERNAL = [
  ..."snapped trouble loading failing visible idle tries stuck rush seed config deltas".split(" "), // of a state
  ..."dispatch stopped signedOut documents shared remember commands isBusy until written report".split(" "),
  ..."answerOf baseOf begin calm conflictOf nameOf pathOf problemOf teach theirsOf unknown meaningOf".split(" "),
  ..."http newId renew proof packing ahead mirrored keepAside leftOf perform hasBegun isLate meta".split(" "),
  ..."later meet local resume prepare packed ready pack strict since unsafe start last stop late run".split(" "),
];

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

// Terser's names of variables make a smaller gzip than those of esbuild. The core has the names of its chunks.
async function smaller([name, bytes], names) {
  const { code } = await minify(bytes.toString(), {
    module: true,
    ecma: 2020,
    compress: { passes: 2, sequences: false },
    format: { comments: /@vite-ignore|webpackIgnore/ },
  });
  const named = code.replace(/(\w+)-\[hash\]\.js/g, (_, part) => names.find((one) => one.startsWith(`${part}-`)));
  return [name, Buffer.from(named)];
}

/** What a project installs beside the package. The server's files have it within, but for React. */
const installed = (names) => (process.argv.includes("--npm") ? names : []);

/** The forms load the core as a page does, so that a page has it once. */
const loadedByPages = {
  name: "loaded-by-pages",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/index\.js$/ }, () => ({ path: "./savepoint.js", external: true }));
  },
};

const bundles = () =>
  Promise.all([
    bundle({
      entryPoints: { savepoint: "src/index.ts", react: "src/react.ts" },
      external: ["react"],
      mangleProps: new RegExp(`^(_.*|${INTERNAL.join("|")})$`),
      legalComments: "none",
    }),
    bundle({
      entryPoints: { navigation: "src/navigation.ts", schema: "src/schema.ts", state: "src/state.ts" },
      legalComments: "none",
    }),
    bundle({ entryPoints: { forms: "src/forms.ts" }, plugins: [loadedByPages], legalComments: "none" }),
    bundle({ entryPoints: { jtd: "src/jtd.ts" }, external: installed(["jtd"]), legalComments: "eof" }),
    bundle({
      entryPoints: { elements: "src/elements/index.ts", german: "src/elements/german.ts" },
      external: installed(["lit"]),
      legalComments: "eof", // the licenses of what is within
    }),
  ]);

const [core, parts, forms, ...others] = await bundles();
const names = core.map(([name]) => name);
const small = await Promise.all([...core, ...parts, ...forms].map((file) => smaller(file, names)));
const files = [...small, ...others.flat()];
if (process.argv.includes("--npm")) {
  await fill(join(here, "dist"), files);
  const tsc = join(here, "node_modules", "typescript", "bin", "tsc");
  execFileSync(process.execPath, [tsc, "--declaration", "--emitDeclarationOnly"], { cwd: here, stdio: "inherit" });
  await copyFile(join(root, "LICENSE"), join(here, "LICENSE"));
} else {
  await fill(join(root, "functions", "browser_files"), withTwins(files));
}
