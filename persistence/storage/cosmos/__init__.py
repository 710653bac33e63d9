"""The production engine: Azure Cosmos DB for NoSQL."""
