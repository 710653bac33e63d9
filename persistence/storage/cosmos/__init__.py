"""The production engine, over Azure Cosmos DB for NoSQL."""
