"""What runs in Azure is what the tests ran on: one version of each package, with its hashes, on every Python."""

import re
from importlib.metadata import version
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
PYTHONS = MAKEFILE.partition("SUPPORTED := ")[2].splitlines()[0].split()
TEXT = (ROOT / "requirements.txt").read_text()
HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


def code(name: str) -> str:
    """Returns a file without comments, each of its requirements on one line."""
    text = re.sub(r"(^|\s)#.*", "", (ROOT / name).read_text())
    return text.replace("\\\n", " ")


def requirements(name: str) -> list[Requirement]:
    return [Requirement(line.split(" --hash")[0]) for line in code(name).splitlines() if line.strip()]


RANGES, LOCK = requirements("requirements.in"), requirements("requirements.txt")


def applies(requirement: Requirement, python: str) -> bool:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def locked(name: str, python: str) -> list[str]:
    """Returns the versions of a package that the lock installs on a version of Python."""
    same = [one for one in LOCK if canonicalize_name(one.name) == canonicalize_name(name)]
    return [str(one.specifier).removeprefix("==") for one in same if applies(one, python)]


def test_every_package_is_one_version_with_hashes():
    lines = [line for line in code("requirements.txt").splitlines() if line.strip()]
    assert len(lines) == len(LOCK) > len(RANGES)
    for line in lines:
        assert re.match(r"[a-z0-9-]+==[\w.]+ ", line), line
        assert HASH.search(line), line


@pytest.mark.parametrize(
    ("wanted", "python"),
    [(one, python) for one, python in product(RANGES, PYTHONS) if applies(one, python)],
    ids=str,
)
def test_the_lock_is_within_the_ranges_on_every_python(wanted: Requirement, python: str):
    [found] = locked(wanted.name, python)
    assert wanted.specifier.contains(found)


@pytest.mark.parametrize(
    ("name", "faulty"), [("azure-cosmos", "4.17.0"), ("azure-monitor-opentelemetry", "1.8.10")]
)
def test_versions_with_a_known_fault_are_not_in_the_ranges(name: str, faulty: str):
    [wanted] = [one for one in RANGES if one.name == name]
    assert not wanted.specifier.contains(faulty)


def test_no_package_has_two_versions_on_one_python():
    for package, python in product({one.name for one in LOCK}, PYTHONS):
        assert len(locked(package, python)) <= 1, f"{package} on {python}"


def test_the_lock_names_no_server_from_which_to_install():
    assert "://" not in TEXT and "--index" not in TEXT and "--find-links" not in TEXT


@pytest.mark.smoke
def test_this_environment_has_the_versions_of_the_lock():
    """Also after the tools of the tests were installed, which are not locked."""
    here = [one for one in LOCK if one.marker is None or one.marker.evaluate()]
    different = {one.name: version(one.name) for one in here if not one.specifier.contains(version(one.name))}
    assert not different, "run: make setup"


def test_every_environment_installs_the_lock_with_its_hashes_and_nothing_else_in_that_step():
    steps = [line for line in MAKEFILE.splitlines() if "pip install" in line and " requirements.txt" in line]
    assert len(steps) == 3
    for step in steps:
        assert step.endswith("pip install -qq --require-hashes -r requirements.txt")
    assert "requirements.txt" not in code("requirements-dev.txt")


def test_make_lock_writes_it_from_the_ranges_for_every_python_with_a_fixed_uv():
    command = MAKEFILE.partition("\nlock: ")[2].partition("\n\n")[0].replace("\\\n", "")
    assert "uv pip compile" in command and command.endswith("--output-file requirements.txt requirements.in")
    for option in ("--universal", "--generate-hashes", "--python-version $(firstword $(SUPPORTED))"):
        assert option in command
    assert re.search(r"^UV := uv==[\d.]+$", MAKEFILE, re.MULTILINE)
