"""Creates the database and its containers, for local runs and tests. In Azure, the Bicep files do this."""

from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient

from persistence.storage.containers import CONTAINERS
from persistence.storage.cosmos.account import CosmosAccount


async def provision(account: CosmosAccount) -> None:
    """Creates what is missing and changes nothing else. Needs a key: a managed identity may only use data."""
    async with CosmosClient(
        account.endpoint, account.key or "", enable_endpoint_discovery=account.endpoint_discovery
    ) as client:
        database = await client.create_database_if_not_exists(account.database)
        for container in CONTAINERS:
            await database.create_container_if_not_exists(
                container.name,
                PartitionKey(f"/{container.partition_key}"),
                indexing_policy=container.indexing_policy(),
            )
