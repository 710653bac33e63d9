"""Creates the Cosmos DB database that the settings name, and its containers. For local runs.

python -m infra.provision
"""

import asyncio
import os

from persistence.storage.cosmos.provision import provision
from settings import Settings

if __name__ == "__main__":
    asyncio.run(provision(Settings.from_environ(os.environ).cosmos_account()))
