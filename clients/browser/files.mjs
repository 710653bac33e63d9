// Writes built files. They are written only if they differ, under another name first: a server or a test may be
// reading them.

import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

async function put(folder, name, bytes) {
  const path = join(folder, name);
  const now = await readFile(path).catch(() => undefined);
  if (now?.equals(bytes)) return;
  await writeFile(`${path}.${process.pid}.tmp`, bytes);
  await rename(`${path}.${process.pid}.tmp`, path);
}

/** Makes these the files of a folder: names and bytes. */
export async function fill(folder, files) {
  const wanted = new Map(files);
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of wanted) await put(folder, name, bytes);
  for (const name of await readdir(folder)) {
    // Not what another build is writing.
    if (!wanted.has(name) && !name.endsWith(".tmp")) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Returns the files, each after its gzipped twin, because a server looks for the twins of the files that it finds. */
export function withTwins(files) {
  const twins = files.map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes, { level: 9 })]);
  return [...twins, ...files.sort(([one], [other]) => (one < other ? -1 : 1))];
}
