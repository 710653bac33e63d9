"""The Bicep files are consistent, as far as this can be checked without the compiler."""

import json
import re
from pathlib import Path

import pytest

from tests.support.bicep import FILES, FOLDER, FUNCTIONS, ROOT, BicepFile, bicep_file

NAMES = [path.name for path in FILES]
MODULES = sorted(set(NAMES) - {"main.bicep"})
OUTPUT = re.compile(r"\b(\w+)\.outputs\.(\w+)")
VARIABLE = re.compile(r"\$\{(\w+)(=[^}]*)?\}")
BY_AZD = {"AZURE_ENV_NAME", "AZURE_LOCATION"}


@pytest.fixture(params=NAMES)
def file(request: pytest.FixtureRequest) -> BicepFile:
    return bicep_file(request.param)


@pytest.fixture
def main() -> BicepFile:
    return bicep_file("main.bicep")


def test_there_is_a_main_file_with_modules_beside_it():
    assert "main.bicep" in NAMES
    assert len(MODULES) >= 5


def test_every_name_that_is_used_is_declared(file: BicepFile):
    assert file.used <= set(file.declared) | file.loop_names


def test_every_function_that_is_called_exists(file: BicepFile):
    assert file.called <= FUNCTIONS


def test_every_parameter_and_variable_is_used(file: BicepFile):
    assert not (set(file.named("parameters")) | set(file.named("variables"))) - file.used


@pytest.mark.parametrize("kind", ["parameters", "outputs"])
def test_everything_that_goes_in_or_out_is_described(file: BicepFile, kind: str):
    for name, node in file.named(kind).items():
        described = [one["argument"] for one in node["decorators"] if one["type"] == "description"]
        assert described and described[0].endswith("."), f"{file.path.name}: {name}"


def test_every_module_is_used(main: BicepFile):
    assert sorted({node["detail"]["path"] for node in main.named("modules").values()}) == MODULES


def test_every_module_gets_the_parameters_that_it_takes(main: BicepFile):
    for name, node in main.named("modules").items():
        taken = bicep_file(node["detail"]["path"]).named("parameters")
        required = {each for each, parameter in taken.items() if parameter["default"] is None}
        given = set(node["config"]["params"])
        assert given <= set(taken), f"{name} gets a parameter that it does not declare"
        assert required <= given, f"{name} does not get every required parameter"


def test_every_output_that_is_read_exists_and_every_one_is_read(main: BicepFile):
    read = set(OUTPUT.findall(main.text))
    offered = {
        (name, output)
        for name, node in main.named("modules").items()
        for output in bicep_file(node["detail"]["path"]).named("outputs")
    }
    assert read == offered


def test_only_the_main_file_reads_outputs():
    assert not [name for name in MODULES if OUTPUT.search(bicep_file(name).text)]


def test_every_output_of_the_whole_is_read_by_someone(main: BicepFile):
    """The hooks, the guide or the workflow read it. azd itself reads AZURE_RESOURCE_GROUP."""
    readers = [ROOT / "docs" / "deploy.md", *(ROOT / ".github").rglob("*.yml"), *(ROOT / "infra").rglob("*.py")]
    text = "".join(path.read_text() for path in readers)
    assert not [name for name in main.named("outputs") if not re.search(rf"\b{name}\b", text)]


def test_every_file_that_is_loaded_exists(file: BicepFile):
    for name in re.findall(r"load\w+\('([^']+)'", file.text):
        assert json.loads((FOLDER / name).read_text())


def test_the_parameters_that_azd_fills_in_are_parameters(main: BicepFile):
    values = json.loads((FOLDER / "main.parameters.json").read_text())["parameters"]
    assert set(values) <= set(main.named("parameters"))
    required = {name for name, node in main.named("parameters").items() if node["default"] is None}
    assert required <= set(values)


def test_the_defaults_that_azd_fills_in_are_those_of_the_file(main: BicepFile):
    values = json.loads((FOLDER / "main.parameters.json").read_text())["parameters"]
    for name, parameter in values.items():
        if not (match := VARIABLE.fullmatch(str(parameter["value"]))):
            assert parameter["value"] == main.named("parameters")[name]["default"] == {}
        elif match[1] not in BY_AZD:
            assert (match[2] or "=").removeprefix("=") == main.named("parameters")[name]["default"], name


def test_the_guide_names_every_parameter_and_every_variable_behind_one(main: BicepFile):
    guide = (ROOT / "docs" / "deploy.md").read_text()
    variables = {match[1] for match in VARIABLE.finditer((FOLDER / "main.parameters.json").read_text())}
    assert not [name for name in {*main.named("parameters"), *variables} - BY_AZD if f"`{name}`" not in guide]


def test_the_linter_of_bicep_takes_what_is_unused_for_an_error():
    rules = json.loads((FOLDER / "bicepconfig.json").read_text())["analyzers"]["core"]["rules"]
    for rule in ("no-unused-params", "no-unused-vars", "outputs-should-not-contain-secrets"):
        assert rules[rule]["level"] == "error"


def test_a_name_that_is_not_declared_would_be_found(tmp_path: Path):
    """Tests the name reader: it reads expressions, strings, loops and conditions, but no comments."""
    from pycep import BicepParser

    text = "\n".join(
        [
            "param one string // mentions comment",
            "var two = '${three}-x' // ${four}",
            "var list = [for item in five: item.name]",
            "resource six 'A/b@2024-01-01' = if (empty(seven)) {",
            "  name: eight ? nine : 'ten'",
            "  tags: { eleven: one.twelve }",
            "}",
            "",
        ]
    )
    file = BicepFile(tmp_path, text, BicepParser().parse(text=text))
    assert file.used == {"one", "three", "item", "five", "seven", "eight", "nine"}
    assert file.called == {"empty"}
    assert set(file.declared) == {"one", "two", "list", "six"}
