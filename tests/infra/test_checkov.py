"""checkov finds nothing in the Bicep files except what infra/checkov.yaml skips with a reason."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.bicep import FILES, FOLDER, ROOT, bicep_file

CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"


def scan(folder: Path) -> dict[str, Any]:
    """Returns checkov's report on a folder. Its exit status is 0 even if a file cannot be parsed."""
    if not CHECKOV.is_file():
        reason = f"checkov is not installed at {CHECKOV.relative_to(ROOT)}: run `make setup`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    command = [
        str(CHECKOV),
        "--framework",
        "bicep",
        "--skip-download",
        "--output",
        "json",
        "--directory",
        str(folder),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def findings() -> dict[str, Any]:
    return scan(FOLDER)


def test_every_file_with_resources_was_parsed_and_looked_into(findings: dict[str, Any]):
    # checkov's parser does not know the functions of inputs.bicep.
    [unread] = findings["results"]["parsing_errors"]
    assert Path(unread).name == "inputs.bicep"
    assert not bicep_file("inputs.bicep").named("resources")
    passed_or_failed = [*findings["results"]["passed_checks"], *findings["results"]["failed_checks"]]
    assert {"cosmos.bicep", "function-app.bicep", "storage.bicep"} <= {
        Path(one["file_path"]).name for one in passed_or_failed
    }
    declared = sum(path.read_text().count("\nresource ") for path in FILES)
    assert findings["summary"]["resource_count"] >= declared


def test_what_fails_is_what_was_taken_on_and_nothing_that_passes_is_skipped(findings: dict[str, Any]):
    failed = {one["check_id"] for one in findings["results"]["failed_checks"]}
    skipped = yaml.safe_load((ROOT / "infra" / "checkov.yaml").read_text())["skip-check"]
    assert failed == set(skipped)
    assert len(skipped) == len(set(skipped))


def test_keys_passwords_and_old_tls_would_be_found(findings: dict[str, Any]):
    """The checks behind the promises of docs/deploy.md ran and passed."""
    passed = {one["check_id"] for one in findings["results"]["passed_checks"]}
    assert {
        "CKV_AZURE_3",
        "CKV_AZURE_44",
        "CKV_AZURE_132",
        "CKV_AZURE_140",
        "CKV_AZURE_14",
    } <= passed


def test_a_file_that_cannot_be_parsed_is_not_passed_over(tmp_path: Path):
    (tmp_path / "broken.bicep").write_text("resource = {\n")
    assert scan(tmp_path)["summary"]["parsing_errors"] == 1
