// Starts the Cosmos DB server that the tests and `make run-cosmos` use.
//
//     node server.js [port] [--stay]
//
// Listens on 127.0.0.1 and prints one line, {"port": N}, when it is ready. Port 0, the default, is any free port.
// Keeps everything in memory. Stops when its stdin closes, so that it never outlives the process that started it.
// With --stay it stops only on SIGTERM or SIGINT.
//
// The server is @vercel/cosmosdb-server. Its differences from Azure can hide faults of the app, or show faults that
// the app does not have. Three of them are mended: the identity of items, point reads of missing items, and
// transactional batches. Each repair has its reasons beside it. None is more lenient than Azure.
"use strict";

// Before the server is loaded, because it reads its handlers once. batches.js has the reasons.
require("@vercel/cosmosdb-server/lib/handler/batch-documents").default = require("./batches");

const { createHttpServer } = require("@vercel/cosmosdb-server");
const Items = require("@vercel/cosmosdb-server/lib/account/items").default;

const HOUR_MS = 60 * 60 * 1000;
const POINT_PATH = /^\/+dbs\/[^/]+\/colls\/[^/]+\/docs\/[^/]+\/?$/;

// The server's own key of an item is the text `partition:/id:id`, with the id for a partition that is falsy. So it
// confuses the partitions 1 and "1", and takes an item of the partition "" or null for the item whose partition
// equals its id. This key is exact. Only an item without a partition key uses its id, because the handlers look for
// it there.
Items.prototype._getId = (keyPath, value, partition) =>
  JSON.stringify([keyPath, value, partition === undefined ? value : partition]);

// In a point read, the server compares the item's partition key with the requested one. If there is no such item,
// that reads a property of `undefined` (unless the partition key path is /id) and returns 500, where Azure returns
// 404. In reads across partitions the server skips the comparison and returns 404. The comparison is not needed,
// because the key contains the exact partition. DELETE, PUT and PATCH do without it and return 404.
function mendMissingItem(req) {
  if (req.method === "GET" && req.headers["x-ms-documentdb-partitionkey"] && POINT_PATH.test(req.url)) {
    req.headers["x-ms-documentdb-query-enablecrosspartition"] = "true";
  }
}

const args = process.argv.slice(2);
const port = Number(args.find((arg) => !arg.startsWith("--")) ?? 0);

const server = createHttpServer({ keepAlive: true });
server.prependListener("request", mendMissingItem);

// Clients keep connections open between requests. By default the server closes them after 5 s. If that happens just
// when a client sends a request, the request fails.
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
