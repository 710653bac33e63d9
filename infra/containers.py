"""Writes infra/bicep/containers.json, the containers as Azure Resource Manager takes them, from the code's own.

python -m infra.containers
"""

import json
from pathlib import Path
from typing import Any

from persistence.storage.containers import CONTAINERS, Container

FILE = Path(__file__).parent / "bicep" / "containers.json"


def definition(container: Container) -> dict[str, Any]:
    """The `resource` of a Microsoft.DocumentDB container."""
    return {
        "id": container.name,
        "partitionKey": {"paths": [f"/{container.partition_key}"], "kind": "Hash", "version": 2},
        "indexingPolicy": container.indexing_policy(),
    }


def text() -> str:
    """What the file has to hold."""
    return json.dumps([definition(container) for container in CONTAINERS], indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
