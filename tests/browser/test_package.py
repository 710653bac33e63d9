"""The package `@savepoint/client`: its types are those of the API description, and it needs nothing."""

import json
from pathlib import Path

from tests.browser.built import SOURCE, needs_node, node

PACKAGE = json.loads((SOURCE / "package.json").read_text())

pytestmark = needs_node


def test_the_types_of_the_wire_are_those_of_the_api_description(tmp_path: Path) -> None:
    made = tmp_path / "wire.gen.ts"
    script = PACKAGE["scripts"]["wire"].split()
    assert script[0] == "openapi-typescript" and script[-2:] == ["--output", "src/wire.gen.ts"]
    node(SOURCE / "node_modules" / "openapi-typescript" / "bin" / "cli.js", *script[1:-1], made)
    assert made.read_text() == (SOURCE / "src" / "wire.gen.ts").read_text(), "run `npm run wire`"


def test_the_package_needs_nothing_at_run_time() -> None:
    assert "dependencies" not in PACKAGE
    assert set(PACKAGE["peerDependencies"]) == {
        name for name, meta in PACKAGE["peerDependenciesMeta"].items() if meta["optional"]
    }
