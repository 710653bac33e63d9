// Makes deltas for tests: reads lines of JSON, `[base, target]` in base64, and writes each delta in base64.
import { createDelta } from "fossil-delta";
import { createInterface } from "node:readline";

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));

for await (const line of createInterface({ input: process.stdin })) {
  const [base, target] = JSON.parse(line).map(bytes);
  process.stdout.write(Buffer.from(createDelta(base, target)).toString("base64") + "\n");
}
