"""What the tests lean on: the Cosmos DB server in memory and a proxy that breaks its answers."""
