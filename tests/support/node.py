"""Node, which runs the Cosmos DB server in memory and the TypeScript tools."""

import os
import shutil
from pathlib import Path

# `make setup` installs Node here if the machine has none that is new enough.
INSTALLED = Path(__file__).resolve().parents[2] / ".venv" / "node" / "bin"

NODE = shutil.which("node", path=os.pathsep.join([str(INSTALLED), os.environ.get("PATH", os.defpath)]))
