// Transactional batches as Azure documents them, in place of the handler of @vercel/cosmosdb-server.
//
// That handler looks for a partition key in each operation. The SDK sends one key, in a header of the request, so
// only creates work. If an operation fails, the handler keeps the writes before it. It has no limits.
//
// Here a batch is all or nothing. Its operations run in order, through the server's own functions for single
// operations, and each sees the writes before it. If one fails, its result has its own status, every other result
// has 424, and nothing is written.
"use strict";

const single = require("@vercel/cosmosdb-server/lib/handler/_document-operations");
const { patchOperation } = require("@vercel/cosmosdb-server/lib/handler/_patch-operations");
const { parsePartitionKey } = require("@vercel/cosmosdb-server/lib/utils/get-partition-from-header");

const MAX_OPERATIONS = 100;
const MAX_BYTES = 2 * 1024 * 1024;

// The conditions that Azure is documented to enforce. Any other is refused, so that no code relies on it.
const KINDS = {
  Create: { run: single.createOperation, conditions: [] },
  Read: { run: single.readOperation, conditions: ["ifNoneMatch"] },
  Upsert: { run: single.upsertOperation, conditions: ["ifMatch", "ifNoneMatch"] },
  Replace: { run: single.replaceOperation, conditions: ["ifMatch"] },
  Delete: { run: single.deleteOperation, conditions: ["ifMatch"] },
  Patch: { run: patchOperation, conditions: ["ifMatch"] },
};

module.exports = async function runBatch(account, req, res, { dbId, collId }) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const refuse = (status, code, message) => {
    res.statusCode = status;
    return { code, message };
  };

  const collection = account.database(dbId).collection(collId);
  if (!collection.read()) return refuse(404, "NotFound", "The container does not exist.");
  if (body.length > MAX_BYTES) return refuse(413, "RequestEntityTooLarge", "Request size is too large.");
  const operations = JSON.parse(body);
  const fault = faultOf(req.headers, operations);
  if (fault) return refuse(400, "BadRequest", fault);

  const results = runAll(collection, operations, req.headers["x-ms-documentdb-partitionkey"]);
  res.statusCode = results.every(({ statusCode }) => statusCode < 300) ? 200 : 207;
  if (req.headers.prefer !== "return=minimal") return results;
  return results.map((result, i) =>
    operations[i].operationType === "Read" ? result : { ...result, resourceBody: undefined },
  );
};

// Returns what is wrong with the request as a whole. Then no operation runs, and none has a result.
function faultOf(headers, operations) {
  if (headers["x-ms-cosmos-batch-atomic"]?.toLowerCase() !== "true") return "Only atomic batches are supported.";
  if (!Array.isArray(operations)) return "A batch is a list of operations.";
  if (operations.length === 0) return "Batch request has no operations.";
  if (operations.length > MAX_OPERATIONS) return "Batch request has more operations than what is supported.";
  for (const { operationType, resourceBody, ...rest } of operations) {
    const kind = KINDS[operationType];
    if (!kind) return `Operation type ${operationType} is not supported in a batch.`;
    const other = ["ifMatch", "ifNoneMatch"].find((name) => name in rest && !kind.conditions.includes(name));
    if (other) return `${other} is not supported for ${operationType} in a batch.`;
    // In the server's own patch, the same id in another partition can meet the filter predicate.
    if (operationType === "Patch" && resourceBody?.condition !== undefined) {
      return "Filter predicates are not supported in a batch.";
    }
  }
}

// Runs the operations on a copy of the container. The copy takes its place if all succeed. This function waits for
// nothing, so no other request comes between.
function runAll(collection, operations, partitionKey) {
  const documents = Object.create(collection.documents);
  documents._data = new Map(documents._data);
  documents._index = new Map(documents._index);
  const copy = Object.create(collection, { documents: { value: documents } });

  const results = [];
  for (const operation of operations) {
    const { statusCode, body } = run(copy, operation, partitionKey);
    if (statusCode >= 400) {
      return operations.map((one) => ({ statusCode: one === operation ? statusCode : 424, requestCharge: 0 }));
    }
    results.push({ statusCode, requestCharge: 1, eTag: body?._etag, resourceBody: body });
  }
  // With its own properties: the items, their index and the number of the last one.
  Object.assign(collection.documents, documents);
  return results;
}

function run(collection, operation, partitionKey) {
  const { operationType, resourceBody, ifMatch, ifNoneMatch } = operation;
  const id = operation.id ?? resourceBody?.id;
  const partition = parsePartitionKey(partitionKey, undefined);
  if (typeof id !== "string") return { statusCode: 400 };
  if (["Create", "Upsert", "Replace"].includes(operationType)) {
    if (resourceBody?.id !== id) return { statusCode: 400 };
    if (collection.documents._getPartition(resourceBody) !== partition) return { statusCode: 400 };
  }

  const stored = collection.document(id, partition).read();
  if (stored && ifMatch !== undefined && ifMatch !== stored._etag) return { statusCode: 412 };
  if (stored && (ifNoneMatch === "*" || ifNoneMatch === stored._etag)) {
    return { statusCode: operationType === "Read" ? 304 : 412 };
  }
  const input = { id, partitionKey, resourceBody, operations: resourceBody?.operations };
  return KINDS[operationType].run(collection, input);
}
