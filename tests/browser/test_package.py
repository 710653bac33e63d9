"""The package `@savepoint/client`: small, with true types, and ready to install."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.built import SOURCE, needs_node, node
from tests.support.node import NODE

PACKAGE = json.loads((SOURCE / "package.json").read_text())
CORE_MAX_BYTES = 7_680
WITH_DELTAS_MAX_BYTES = 9_728
LATE_MAX_BYTES = 6_144
PARTS_MAX_BYTES = {"navigation.js": 1_024, "state.js": 640, "schema.js": 1_536, "forms.js": 4_096}

pytestmark = needs_node


STATIC_IMPORT = r'(?:from|import)\s*"\./([\w-]+\.js)"'


def loaded(built: Path, entry: str) -> set[str]:
    """Returns a file and what it imports, directly or not, before it runs."""
    found, left = set[str](), [entry]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += re.findall(STATIC_IMPORT, (built / name).read_text())
    return found


def size(built: Path, names: set[str]) -> int:
    return sum((built / f"{name}.gz").stat().st_size for name in names)


def part(built: Path, name: str) -> set[str]:
    """Returns the file of a part that is loaded when it is needed."""
    [found] = [path.name for path in built.glob(f"{name}-*.js")]
    return {found}


def test_the_core_and_its_parts_are_small(built: Path) -> None:
    core = loaded(built, "savepoint.js")
    delta, late = part(built, "delta"), part(built, "late")
    elements = {"elements.js", "german.js", *part(built, "compare")}
    others = {*PARTS_MAX_BYTES, "jtd.js", *part(built, "sealed")}
    assert {path.name for path in built.glob("*.js")} == {*core, *delta, *late, "react.js", *elements, *others}
    assert size(built, core) <= CORE_MAX_BYTES
    assert size(built, core | delta) <= WITH_DELTAS_MAX_BYTES
    assert size(built, late) <= LATE_MAX_BYTES
    for name, limit in PARTS_MAX_BYTES.items():
        assert size(built, loaded(built, name) - core) <= limit, name


@pytest.mark.parametrize("file", ["account", "document", "lists", "recovery", "sealed", "types", "view"])
def test_no_name_that_an_app_uses_is_shortened(file: str) -> None:
    build = (SOURCE / "build.mjs").read_text()
    [block] = re.findall(r"const INTERNAL = \[(.*?)\];", build, re.DOTALL)
    internal = {name for line in re.findall(r'"(.*?)"\.split', block) for name in line.split()}
    source = (SOURCE / "src" / f"{file}.ts").read_text()
    members = set[str]()
    for name, body in re.findall(r"export interface (\w+)[^{]*\{\n(.*?)\n\}", source, re.DOTALL):
        if name not in ("Managed", "Handle", "DocumentShared"):  # these are ours
            members |= set(re.findall(r"^ +(?:readonly )?(\w+)\??[:(<]", body, re.MULTILINE))
    assert internal and members and not internal & members


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


def npm(*arguments: str | Path, cwd: Path) -> str:
    assert NODE is not None
    path = os.pathsep.join([str(Path(NODE).parent), os.environ["PATH"]])
    found = shutil.which("npm", path=path)
    assert found is not None
    env = {**os.environ, "PATH": path}
    done = subprocess.run([found, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of someone who installed the package, as `npm pack` makes it from a clone.

    That fails if the sources have a type error.
    """
    clone = tmp_path_factory.mktemp("clone")
    source = clone / "clients" / "browser"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (source / "node_modules").symlink_to(SOURCE / "node_modules")
    shutil.copy(SOURCE.parents[1] / "LICENSE", clone)
    npm("pack", "--pack-destination", clone, cwd=source)
    [archive] = clone.glob("*.tgz")
    project = tmp_path_factory.mktemp("project")
    (project / "package.json").write_text('{"private": true, "type": "module"}')
    npm("install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", archive, cwd=project)
    for name in ("react", "@types/react", "csstype"):
        shutil.copytree(SOURCE / "node_modules" / name, project / "node_modules" / name)
    return project


def test_the_package_has_the_files_that_it_exports_and_the_license(project: Path) -> None:
    installed = project / "node_modules" / "@savepoint" / "client"
    for entry in PACKAGE["exports"].values():
        assert all((installed / path).is_file() for path in entry.values())
    assert (installed / "LICENSE").is_file()
    assert not list(installed.rglob("*.gz")) and not (installed / "src").exists()


FILES = ["consumer.tsx", "guide.tsx"]


def in_the_guide() -> str:
    """Returns the component of docs/browser.md."""
    guide = (SOURCE.parents[1] / "docs" / "browser.md").read_text()
    [found] = re.findall(r"```tsx\n(.*?)```", guide, re.DOTALL)
    return str(found)


@pytest.mark.parametrize(("module", "resolution"), [("ESNext", "Bundler"), ("NodeNext", "NodeNext")])
def test_a_strict_project_compiles_with_it(project: Path, module: str, resolution: str) -> None:
    shutil.copy(Path(__file__).with_name("consumer.tsx"), project)
    (project / "guide.tsx").write_text(in_the_guide())
    options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--jsx"]
    options += ["react-jsx", "--target", "ES2022", "--lib", "ES2022,DOM", "--module", module]
    tsc = SOURCE / "node_modules" / "typescript" / "bin" / "tsc"
    node(tsc, *options, "--moduleResolution", resolution, "--types", "react", *FILES, cwd=project)


def test_it_can_be_imported_where_there_is_no_page(project: Path) -> None:
    """As servers do that render pages."""
    script = 'const { connect } = await import("@savepoint/client"); console.log(typeof connect)'
    assert node("--input-type=module", "--eval", script, cwd=project) == "function\n"
