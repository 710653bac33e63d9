"""Checks azd, the workflows, sign-in and the alerts, as far as possible without Azure."""

import ast
import asyncio
import json
import logging
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from cronsim import CronSim

from functions.timers import _run
from persistence.timers.run import Timers
from tests.support.bicep import ROOT, bicep_file

AZD = yaml.safe_load((ROOT / "azure.yaml").read_text())
WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
GUIDE = (ROOT / "docs" / "deploy.md").read_text()


def timers() -> list[str]:
    """Returns the names of the app's timers, in order."""
    tree = ast.parse((ROOT / "functions" / "timers.py").read_text())
    names = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef)
        and "timer_trigger" in "".join(map(ast.dump, node.decorator_list))
    ]
    assert names
    return names


def steps(workflow: str, job: str) -> list[dict[str, Any]]:
    return list(WORKFLOWS[workflow]["jobs"][job]["steps"])


def words(pattern: str, name: str) -> list[str]:
    """Returns the words that the group of a pattern matches in a file."""
    match = re.search(pattern, (ROOT / name).read_text(), re.MULTILINE)
    assert match is not None
    return match[1].split()


def commands(workflow: str, job: str) -> str:
    return "\n".join(step.get("run", "") for step in steps(workflow, job))


def test_azd_finds_the_infrastructure_and_the_app():
    assert (ROOT / AZD["infra"]["path"] / f"{AZD['infra']['module']}.bicep").is_file()
    [(name, service)] = AZD["services"].items()
    assert (service["host"], service["language"]) == ("function", "python")
    assert (ROOT / service["project"] / "host.json").is_file()
    assert "'azd-service-name': '" + name + "'" in bicep_file("function-app.bicep").text


def test_the_hooks_are_scripts_that_exist_on_every_system():
    assert set(AZD["hooks"]) == {"preprovision", "postprovision", "predeploy"}
    # Of the service, because `azd deploy` packs the code but is not `azd package`.
    of_the_service = AZD["services"]["api"]["hooks"]
    assert set(of_the_service) == {"prepackage"}
    for hook in [*AZD["hooks"].values(), *of_the_service.values()]:
        scripts = {hook[system]["run"].split(maxsplit=1)[1] for system in ("posix", "windows")}
        assert len(scripts) == 1
        script, step = scripts.pop().split()
        assert f'"{step}": {step}' in (ROOT / script).read_text()


@pytest.mark.parametrize("script", ["app_registration.py", "browser_module.py", "indexes.py"])
def test_a_hook_script_needs_no_packages(script: str):
    """The hook runs before anything is installed."""
    tree = ast.parse((ROOT / "infra" / "hooks" / script).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


def left_out(paths: list[str], tmp_path: Path) -> set[str]:
    """Returns the paths that .funcignore leaves out. Its rules are those of .gitignore, so git applies them."""
    shutil.copy(ROOT / ".funcignore", tmp_path / ".gitignore")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    check = ["git", "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin"]
    done = subprocess.run(check, cwd=tmp_path, input="\n".join(paths), capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return set(done.stdout.splitlines())


def test_only_what_runs_goes_to_azure(tmp_path: Path):
    """azd packs every file that .funcignore does not name."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = listed.splitlines()
    sent = set(tracked) - left_out(tracked, tmp_path) - {".funcignore"}
    parts = ("functions/", "persistence/")
    assert {path for path in sent if not path.startswith(parts)} == {
        "function_app.py",
        "settings.py",
        "host.json",
        "requirements.txt",
    }
    assert {path for path in tracked if path.startswith(parts)} <= sent


@pytest.mark.parametrize("folder", [".azure", ".venv", ".venv-checkov", ".data", "clients/browser/node_modules"])
def test_what_is_made_on_this_machine_does_not_go_to_azure(tmp_path: Path, folder: str):
    assert left_out([f"{folder}/one"], tmp_path)


def test_the_built_browser_files_go_to_azure_and_so_do_packages_with_the_name_of_a_folder_of_ours(tmp_path: Path):
    packed = ["functions/browser_files/savepoint.js", "functions/browser_files/savepoint.js.gz"]
    packed += ["functions/clients/__init__.py", "functions/client/__init__.py"]
    assert not left_out(packed, tmp_path)


def test_health_is_left_open_and_nothing_else():
    settings = bicep_file("authentication.bicep").resource("Microsoft.Web/sites/config")["properties"]
    assert settings["platform"]["enabled"] is True
    validation = settings["globalValidation"]
    assert validation["requireAuthentication"] is True
    assert validation["unauthenticatedClientAction"] == "Return401"
    prefix = json.loads((ROOT / "host.json").read_text())["extensions"]["http"]["routePrefix"]
    routes = re.findall(r'"GET", "(health/\w+)"', (ROOT / "functions" / "health.py").read_text())
    assert validation["excludedPaths"] == [f"/{prefix}/{route}" for route in routes]


def test_sign_in_is_by_entra_without_a_secret_or_by_the_static_web_app_never_by_neither():
    settings = bicep_file("authentication.bicep").resource("Microsoft.Web/sites/config")["properties"]
    providers = settings["identityProviders"]
    assert set(providers) == {"azureActiveDirectory", "azureStaticWebApps"}
    entra, front = providers["azureActiveDirectory"], providers["azureStaticWebApps"]
    assert entra["enabled"] == {"operator": {"type": "not", "operands": {"bool_value": front["enabled"]}}}
    secret = entra["registration"]["clientSecretSettingName"]
    assert secret == "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"
    assert bicep_file("function-app.bicep").named("variables")["wiring"]["value"][secret] == "identityClientId"


def test_the_mode_of_the_app_goes_with_who_signs_people_in():
    main = bicep_file("main.bicep").text
    assert "authMode: empty(staticWebAppHostname) ? 'easyauth' : 'swa'" in main
    assert "var behindStaticWebApp = !empty(staticWebAppHostname)" in bicep_file("authentication.bicep").text


def test_every_timer_is_missed_when_it_does_not_run():
    watched = bicep_file("alerts.bicep").named("variables")["timers"]["value"]
    assert [timer["name"] for timer in watched] == timers()


def test_the_alert_looks_for_the_line_that_a_timer_writes(caplog: pytest.LogCaptureFixture):
    rule = bicep_file("alerts.bicep").named("resources")["silentTimers"]["config"]["config"]["properties"]
    query = rule["criteria"]["allOf"][0]["query"]
    assert query.startswith('AppTraces | where Message startswith "${timer.name}:" |')

    with caplog.at_level(logging.INFO):
        asyncio.run(_run(Timers(()), "sweep_sessions"))
    assert [record.message for record in caplog.records if record.message.startswith("sweep_sessions:")]


def test_a_timer_may_be_silent_for_longer_than_it_lies_between_two_runs():
    hours = {"PT2H": 2, "P2D": 48}
    defaults = bicep_file("function-app.bicep").named("variables")["defaults"]["value"]
    schedules = {
        "mark_deleted_snapshot_logs": defaults["CLEANUP_SCHEDULE"],
        "sweep_sessions": defaults["CLEANUP_SCHEDULE"],
        "purge_stale_drafts": defaults["PURGE_SCHEDULE"],
    }
    for timer in bicep_file("alerts.bicep").named("variables")["timers"]["value"]:
        first, second = islice(CronSim(schedules[timer["name"]], datetime(2026, 1, 1)), 2)
        assert timedelta(hours=hours[timer["window"]]) >= 2 * (second - first)


def test_somebody_hears_of_server_errors_and_of_throttling():
    alerts = bicep_file("alerts.bicep").named("resources")
    errors = alerts["serverErrors"]["config"]["properties"]["criteria"]["allOf"][0]
    assert "between (500 .. 599)" in errors["query"]
    throttling = alerts["throttling"]["config"]["properties"]["criteria"]["allOf"][0]
    assert throttling["metricName"] == "TotalRequests"
    assert throttling["dimensions"][0] == {"name": "StatusCode", "operator": "Include", "values": ["429"]}


def test_the_workflow_does_what_is_done_before_a_merge_and_on_every_python():
    assert words(r"exec make (.+) <", ".ci/run") == ["lint", "types", "test"]
    assert "make lint types" in commands("ci.yml", "checks")
    assert "make test PYTHON=python${{ matrix.python }}" in commands("ci.yml", "tests")
    assert ".ci/chromium" in commands("ci.yml", "tests")
    assert words(r"^(\.ci/chromium)$", ".ci/run")
    matrix = WORKFLOWS["ci.yml"]["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"] == words(r"^SUPPORTED := (.+)$", "Makefile")


def test_the_contract_runs_against_the_emulator_of_microsoft():
    job = WORKFLOWS["ci.yml"]["jobs"]["contract"]
    assert job["services"]["cosmos"]["image"] == (
        "mcr.microsoft.com/cosmosdb/linux/azure-cosmos-emulator:vnext-preview"
    )
    assert job["env"]["COSMOS_ENDPOINT"] == "http://127.0.0.1:8081"
    assert "pytest tests/contract" in commands("ci.yml", "contract")
    assert (ROOT / "tests" / "contract").is_dir()


def test_the_compiler_reads_the_bicep_files():
    run = commands("ci.yml", "infrastructure")
    assert "bicep build infra/bicep/main.bicep" in run
    assert "bicep lint infra/bicep/main.bicep" in run


def test_a_tag_deploys_what_has_passed_as_a_federated_identity():
    # In YAML 1.1 the word `on` means true.
    assert WORKFLOWS["deploy.yml"][True] == {"push": {"tags": ["v*"]}}
    job = WORKFLOWS["deploy.yml"]["jobs"]["deploy"]
    assert job["needs"] == "ci"
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert "--federated-credential-provider github" in commands("deploy.yml", "deploy")
    assert "azd deploy --no-prompt" in commands("deploy.yml", "deploy")
    assert not [path for path in WORKFLOWS if "secrets." in (ROOT / ".github" / "workflows" / path).read_text()]


def test_the_guide_names_every_variable_of_the_workflow():
    names = re.findall(r"vars\.(\w+)", (ROOT / ".github" / "workflows" / "deploy.yml").read_text())
    assert not [name for name in names if f"`{name}`" not in GUIDE]


def test_the_guide_says_what_was_checked_and_what_was_not():
    assert "parsed and checked, not compiled, not deployed" in " ".join(GUIDE.split())
