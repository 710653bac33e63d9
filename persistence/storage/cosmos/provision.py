"""Makes the database and its containers: for local runs and tests. In the cloud the infrastructure does it.

python -m persistence.storage.cosmos.provision
"""

import asyncio
import os

from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient

from persistence.storage.containers import CONTAINERS
from persistence.storage.cosmos.account import CosmosAccount
from settings import Settings


async def provision(account: CosmosAccount) -> None:
    """Creates what is missing, leaves the rest as it is. Needs a key: identities have rights on data only."""
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


if __name__ == "__main__":
    asyncio.run(provision(Settings.from_environ(os.environ).cosmos_account()))
