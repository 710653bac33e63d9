// Starts the Cosmos DB server that the tests and `make run-cosmos` use.
//
//     node server.js [port] [--stay]
//
// Listens on 127.0.0.1 (port 0, the default: any free one) and prints one line, {"port": N}, when it is ready.
// Everything is kept in memory. It ends when its stdin closes, so that it never outlives whoever started it;
// with --stay it ends on SIGTERM or SIGINT only.
"use strict";

const { createHttpServer } = require("@vercel/cosmosdb-server");
const Items = require("@vercel/cosmosdb-server/lib/account/items").default;

const HOUR_MS = 60 * 60 * 1000;
const POINT_PATH = /^\/+dbs\/[^/]+\/colls\/[^/]+\/docs\/[^/]+\/?$/;

// The server finds an item under the text `partition:/id:id`, and takes the id for the partition where that is
// falsy. So the partitions 1 and "1" are one, and an item of the partition "" or null answers for the item whose
// partition is named like its id. Here the key is exact. Only an item without any partition key is kept under
// its id: that is where the handlers look for it.
Items.prototype._getId = (keyPath, value, partition) =>
  JSON.stringify([keyPath, value, partition === undefined ? value : partition]);

// Before it answers a point read, the server compares the item's partition key with the one asked for, and reads
// a property of `undefined` where there is no such item (unless the partition key path is /id): 500 for what Azure
// answers with 404. It skips that comparison in reads across partitions, and then answers 404 as it should. The
// comparison adds nothing, because the item was looked up under its exact partition. DELETE, PUT and PATCH never
// make it: they answer 404 by themselves.
function mendMissingItem(req) {
  if (req.method === "GET" && req.headers["x-ms-documentdb-partitionkey"] && POINT_PATH.test(req.url)) {
    req.headers["x-ms-documentdb-query-enablecrosspartition"] = "true";
  }
}

const args = process.argv.slice(2);
const port = Number(args.find((arg) => !arg.startsWith("--")) ?? 0);

const server = createHttpServer({ keepAlive: true });
server.prependListener("request", mendMissingItem);

// A client keeps its connections open between requests, and takes it for a fault when one is closed just as it
// sends the next; the default of 5 s idle would do that in the middle of a test run.
server.keepAliveTimeout = HOUR_MS;

server.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
server.listen(port, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
});

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
if (!args.includes("--stay")) {
  process.stdin.on("end", () => process.exit(0)).on("error", () => process.exit(0));
  process.stdin.resume();
}
