"""`make bicep`: the compiler where it is installed, and a program in its place that shows what is asked of it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.check_bicep import FOLDER, SHAPES, snapshots
from tests.support.bicep import FILES, ROOT
from tests.support.shapes import shape

FAKE = """#!{python}
import json, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "snapshot":
    assert "param environmentName = 'check'" in open(sys.argv[2]).read()
if {failing!r} in sys.argv:
    sys.exit("Error BCP000: something")
if {warning!r} in sys.argv:
    print("Warning no-unused-vars: something", file=sys.stderr)
if sys.argv[1:] == ["format", {changing!r}]:
    open({changing!r}, "a").write("// changed")
"""


def check(path: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.check_bicep"]
    return subprocess.run(command, cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=False)


def with_compiler(folder: Path, **options: str) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
    log, program = folder / "calls", folder / "bicep"
    log.write_text("")
    chosen = {"failing": "-", "warning": "-", "changing": "-", **options}
    program.write_text(FAKE.format(python=sys.executable, log=str(log), **chosen))
    program.chmod(0o755)
    done = check(str(folder))
    return done, [json.loads(line) for line in log.read_text().splitlines()]


def test_without_the_compiler_it_says_how_to_install_it(tmp_path: Path):
    done = check(str(tmp_path))
    assert done.returncode == 2 and "az bicep install" in done.stderr


def test_it_builds_lints_evaluates_both_shapes_and_formats_a_copy(tmp_path: Path):
    before = {path.name: path.read_text() for path in FILES}
    done, calls = with_compiler(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [call[0] for call in calls[:4]] == ["build", "lint", "snapshot", "snapshot"]
    assert [call[1] for call in calls[2:4]] == [f"{name}.bicepparam" for name in SHAPES]
    assert [call[1] for call in calls[4:]] == sorted(before)
    assert {path.name: path.read_text() for path in FILES} == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"failing": "build"}, "BCP000"),
        ({"warning": "lint"}, "no-unused-vars"),
        ({"failing": "snapshot"}, "BCP000"),
        ({"changing": "main.bicep"}, "main.bicep is not written"),
    ],
)
def test_what_the_compiler_refuses_fails_with_its_words(tmp_path: Path, options: dict[str, str], says: str):
    done, _ = with_compiler(tmp_path, **options)
    assert done.returncode == 1 and says in done.stderr


def test_both_shapes_are_those_that_the_other_tests_evaluate():
    assert [shape(**given).settings["AUTH_MODE"] for given in SHAPES.values()] == ["jwt", "swa"]


def of_config(snapshot: dict[str, Any], name: str) -> object:
    """Returns the properties of a configuration of the app. What Azure must work out is an expression."""
    [found] = [
        one
        for one in snapshot["predictedResources"]
        if one["type"].lower() == "microsoft.web/sites/config" and name in one["name"]
    ]
    properties: object = found["properties"]
    return properties


def is_known_here(value: object) -> bool:
    """What only Azure knows stays an expression."""
    return not (isinstance(value, str) and "[" in value)


def differences(ours: object, theirs: object, path: str = "") -> list[str]:
    """Returns the paths at which two evaluations differ, without what only Azure knows."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            found
            for name in sorted({*ours, *theirs})
            for found in differences(ours.get(name, "nothing"), theirs.get(name, "nothing"), f"{path}/{name}")
        ]
    return [path] if is_known_here(theirs) and ours != theirs else []


def test_a_difference_between_two_evaluations_is_found():
    ours = shape(**SHAPES["tokens"])
    settings = {**ours.settings, "JWT_ISSUERS": "[format('{0}/v2.0', reference('x'))]"}
    theirs = {
        "predictedResources": [
            {"type": "Microsoft.Web/sites/config", "name": "f/appsettings", "properties": settings}
        ]
    }
    assert differences(ours.settings, of_config(theirs, "appsettings")) == []
    settings |= {"KEEP_REVISIONS": "21", "MORE": "x"}
    del settings["JWT_SCOPES"]
    found = differences(ours.settings, of_config(theirs, "appsettings"))
    assert found == ["/JWT_SCOPES", "/KEEP_REVISIONS", "/MORE"]


@pytest.mark.skipif(shutil.which("bicep") is None, reason="the Bicep compiler is not installed")
@pytest.mark.parametrize("name", SHAPES)
def test_the_compiler_evaluates_both_shapes_as_the_other_tests_do(tmp_path: Path, name: str):
    copied = Path(shutil.copytree(FOLDER, tmp_path / "bicep"))
    [arguments] = [one for one in snapshots(copied) if one[1] == f"{name}.bicepparam"]
    subprocess.run(["bicep", *arguments], cwd=copied, check=True)
    snapshot = json.loads((copied / f"{name}.snapshot.json").read_text())
    ours = shape(**SHAPES[name])
    assert differences(ours.settings, of_config(snapshot, "appsettings")) == []
    assert differences(ours.authentication, of_config(snapshot, "authsettingsV2")) == []


@pytest.mark.skipif(shutil.which("bicep") is None, reason="the Bicep compiler is not installed")
def test_the_real_compiler_finds_nothing():
    done = check(os.environ["PATH"])
    assert done.returncode == 0, done.stderr
