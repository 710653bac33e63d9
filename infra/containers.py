"""Writes infra/bicep/containers.json, the containers of the code for Azure Resource Manager.

python -m infra.containers
"""

import json
from pathlib import Path
from typing import Any

from persistence.storage.containers import CONTAINERS, Container

FILE = Path(__file__).parent / "bicep" / "containers.json"


def definition(container: Container) -> dict[str, Any]:
    """Returns the `resource` of a Microsoft.DocumentDB container."""
    return {
        "id": container.name,
        "partitionKey": {"paths": [f"/{container.partition_key}"], "kind": "Hash", "version": 2},
        "indexingPolicy": container.indexing_policy(),
    }


def text() -> str:
    """Returns the content of the file."""
    return json.dumps([definition(container) for container in CONTAINERS], indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
