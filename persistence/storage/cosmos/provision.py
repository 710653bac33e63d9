"""Creates the database and its containers, for local runs and tests. In Azure, the Bicep files do this."""

from contextlib import suppress

from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient
from azure.cosmos.exceptions import CosmosResourceExistsError

from persistence.storage.containers import CONTAINERS
from persistence.storage.cosmos.account import CosmosAccount


async def provision(account: CosmosAccount) -> None:
    """Creates what is missing and changes nothing else. Needs a key: a managed identity may only use data."""
    async with CosmosClient(
        account.endpoint, account.key or "", enable_endpoint_discovery=account.endpoint_discovery
    ) as client:
        with suppress(CosmosResourceExistsError):
            await client.create_database(account.database)
        database = client.get_database_client(account.database)
        for container in CONTAINERS:
            with suppress(CosmosResourceExistsError):
                await database.create_container(
                    container.name,
                    PartitionKey(f"/{container.partition_key}"),
                    indexing_policy=container.indexing_policy(),
                )
