"""The guide to the cloud says of each parameter what the template does, and what cannot be taken back."""

import json
import re
from typing import Any

import pytest

from tests.support.bicep import FOLDER, ROOT, bicep_file

GUIDE = (ROOT / "docs" / "deploy.md").read_text()
WORDS = " ".join(GUIDE.split())
PARAMETERS: dict[str, Any] = bicep_file("main.bicep").named("parameters")
AZD = json.loads((FOLDER / "main.parameters.json").read_text())["parameters"]
ASKED = {"environmentName", "location"}


def rows() -> dict[str, str]:
    """Returns the row of each parameter in the tables of what can be set."""
    found: dict[str, str] = {}
    for line in GUIDE.partition("## What can be set")[2].partition("\n## ")[0].splitlines():
        if line.startswith("| `"):
            named = line.split("|")[2] if line.startswith("| `" + line[3:4].upper()) else line.split("|")[1]
            found |= {name: line for name in re.findall(r"`(\w+)`", named)}
    return found


def test_each_parameter_has_a_row_and_each_row_a_parameter():
    assert set(rows()) == set(PARAMETERS)


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - ASKED))
def test_the_row_says_the_default(name: str):
    default = PARAMETERS[name].get("default", "")
    words = {True: "true", False: "false", "": "none"}
    # The hook sets it, or the first deployment asks.
    others = {"authClientId": "created by the hook", "appSettings": "{}"}
    said = others.get(name, words.get(default, str(default)) if isinstance(default, str | bool) else str(default))
    cells = rows()[name].replace("`", "").split("|")
    assert said in cells[2] + cells[3], rows()[name]


def test_each_value_that_is_allowed_is_in_the_row_if_there_are_few():
    for name in ("pythonVersion", "instanceMemoryMB", "backupTier"):
        for value in re.findall(
            r"@allowed\(\[([^\]]*)\]\)\s*@description\([^\n]*\nparam " + name, bicep_file("main.bicep").text
        )[0].split():
            assert value.strip("'") in rows()[name]


def test_a_value_of_azd_is_set_by_the_variable_of_its_row():
    variables = {name: re.findall(r"\$\{(\w+)", str(one["value"])) for name, one in AZD.items()}
    for name, [variable, *_] in ((name, found) for name, found in variables.items() if found):
        if name not in ASKED:
            assert f"| `{variable}` |" in rows()[name]


@pytest.mark.parametrize(
    "sentence",
    [
        # The first deployment, and an update.
        'The first `azd up` can end in 403, 404, 503 or "partially successful".',
        "run `azd deploy` again",
        "Azure ends requests that are running when code or settings change (`Recreate`)",
        "under the same `Idempotency-Key`",
        # What false, an empty text or 0 does not remove.
        "Azure keeps what a template leaves out, so three of these are not taken back by their old value",
        "(`keepData`, `operatorPrincipalId`, `budget`)",
        "az lock delete",
        "az cosmosdb sql role assignment delete",
        "az consumption budget delete",
        # What is decided once.
        "A serverless account can become provisioned later, one way, each container by itself, by hand",
        "the database is spread over the zones of its region; decide before the first deployment",
        "is shorter than the 30 days that drafts and tombstones live",
        "[restore](operations.md#cosmos-dbs-backup)",
        # The shapes.
        "Link first, provision second",
        "az staticwebapp backends unlink",
    ],
)
def test_the_guide_says_it(sentence: str):
    assert sentence in WORDS


def test_the_runbook_of_a_restore_names_the_parameter_that_makes_the_app_follow():
    operations = (ROOT / "docs" / "operations.md").read_text()
    runbook = operations.partition("# Cosmos DB's backup")[2]
    assert "cosmosAccountName" in runbook and "azd provision" in runbook
