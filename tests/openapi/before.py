"""The API description of an earlier commit, without its texts.

There is one sorted file beside this one for each of two modes. After an intended change of the API, write them
again and read the diff:

    python -m tests.openapi.before
"""

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.devhost.server import REPOSITORY, run_devhost

HERE = Path(__file__).resolve().parent
MODES = {
    "local": {"AUTH_MODE": "local", "EXPOSE_CHARGE": "false"},
    "jwt": {
        "AUTH_MODE": "jwt",
        "JWT_ISSUERS": "https://issuer.example",
        "JWT_AUDIENCE": "savepoint",
        "EXPOSE_CHARGE": "true",
    },
}
# These may change: texts for people, examples, and how operations are grouped on a page.
_WORDS = frozenset({"title", "summary", "description", "example", "examples", "tags", "externalDocs"})
# The names below these are ours, not those of the specification.
_MAPS = frozenset(
    {
        "paths",
        "responses",
        "headers",
        "content",
        "links",
        "properties",
        "patternProperties",
        "$defs",
        "schemas",
        "securitySchemes",
        "requestBodies",
        "callbacks",
        "mapping",
    }
)


def path_of(mode: str) -> Path:
    """Returns the path of the stored copy for a mode."""
    return HERE / f"before.{mode}.json"


def described(mode: str) -> dict[str, Any]:
    """Returns the current description in a mode, without texts."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"STORE_ENGINE": "sqlite", "DATA_DIR": folder, **MODES[mode]}
        with (
            run_devhost(REPOSITORY, settings) as server,
            urlopen(f"{server.base_url}/api/openapi.json") as response,
        ):
            document: dict[str, Any] = without_words(json.load(response))
    del document["info"]
    return document


def without_words(value: Any, *, is_map: bool = False) -> Any:
    """Returns what matters to programs. Lists whose order means nothing are sorted."""
    if isinstance(value, list):
        return [without_words(each) for each in value]
    if not isinstance(value, dict):
        return value
    bare = {}
    for name, inner in value.items():
        if not is_map and name in _WORDS:
            continue
        # `parameters` is a map of names in `components` and in links, and a list elsewhere.
        below = isinstance(inner, dict) and not is_map and (name in _MAPS or name == "parameters")
        bare[name] = without_words(inner, is_map=below)
        if not is_map and name in ("parameters", "required") and isinstance(inner, list):
            bare[name].sort(key=json.dumps)
    return bare


def to_text(document: dict[str, Any]) -> str:
    """Returns the stored form: sorted, with short lines."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each in MODES:
        path_of(each).write_text(to_text(described(each)))
