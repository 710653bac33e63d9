"""Checks azd, the workflows and sign-in, as far as possible without Azure."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.bicep import ROOT, bicep_file

AZD = yaml.safe_load((ROOT / "azure.yaml").read_text())
WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
GUIDE = (ROOT / "docs" / "deploy.md").read_text()


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
    assert service["remoteBuild"] is True, "not left to the default of each version of azd"
    assert (ROOT / service["project"] / "host.json").is_file()
    assert "'azd-service-name': '" + name + "'" in bicep_file("function-app.bicep").text


def test_the_hooks_are_scripts_that_exist_on_every_system():
    assert set(AZD["hooks"]) == {"preprovision", "postprovision", "predeploy", "postdeploy"}
    # Of the service, because `azd deploy` packs the code but is not `azd package`.
    of_the_service = AZD["services"]["api"]["hooks"]
    assert set(of_the_service) == {"prepackage"}
    for hook in [*AZD["hooks"].values(), *of_the_service.values()]:
        posix, windows = (hook[system]["run"].split(" && ") for system in ("posix", "windows"))
        assert [one.replace("python3 ", "python ") for one in posix] == windows
        for command in windows:
            _, script, step = command.split()
            assert f'"{step}": {step}' in (ROOT / script).read_text()
    assert {"app_registration", "browser_module", "hook", "indexes", "version"} == set(HOOKS)


HOOKS = sorted(path.stem for path in (ROOT / "infra" / "hooks").glob("*.py"))


@pytest.mark.parametrize("script", [f"{name}.py" for name in HOOKS])
def test_a_hook_script_needs_no_packages(script: str):
    """The hook runs before anything is installed. It finds the other scripts in its own folder."""
    tree = ast.parse((ROOT / "infra" / "hooks" / script).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= {*sys.stdlib_module_names, "hook"}


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
    packed += ["functions/workbench_files/workbench.html", "functions/workbench_files/workbench.html.gz"]
    packed += ["functions/build.txt"]
    packed += ["functions/clients/__init__.py", "functions/client/__init__.py"]
    assert not left_out(packed, tmp_path)


def excluded_paths() -> list[str]:
    """Returns the paths that App Service Authentication leaves open, without the prefix of the API."""
    settings = bicep_file("authentication.bicep").resource("Microsoft.Web/sites/config")["properties"]
    prefix = json.loads((ROOT / "host.json").read_text())["extensions"]["http"]["routePrefix"]
    paths = settings["globalValidation"]["excludedPaths"]
    assert all(path.startswith(f"/{prefix}/") for path in paths)
    return [path.removeprefix(f"/{prefix}/") for path in paths]


def public_routes() -> list[str]:
    """Returns the routes that the app serves without an identity."""
    declared = re.compile(r'@routes\.serve\(Route\("GET", "([^"]+)"[^\n]*public=True')
    return [route for path in (ROOT / "functions").rglob("*.py") for route in declared.findall(path.read_text())]


def test_what_pages_and_probes_need_before_sign_in_is_left_open_and_nothing_else():
    after_sign_in = {"docs", "openapi.json"}  # public in the app, for one machine; not needed by strangers
    public = {re.sub(r"\{\w+\}", "*", route) for route in public_routes()}
    assert after_sign_in < public
    # What has a wildcard covers the rest of its folder.
    assert sorted(excluded_paths()) == sorted(public - after_sign_in - {"client/config"})


def test_actions_of_others_are_pinned_by_commit_and_say_which_release_that_is():
    """A tag can be moved to other code. Workflows of this repository are used by their path."""
    used = [
        line.strip()
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in path.read_text().splitlines()
        if re.search(r"^\s*(- )?uses:", line) and "uses: ./" not in line
    ]
    assert len(used) >= 5
    for line in used:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line
    pins = {line.partition("uses: ")[2] for line in used}
    assert len(pins) == len({pin.partition("@")[0] for pin in pins}), "one commit for each action"


def test_the_workflow_does_what_is_done_before_a_merge_and_on_every_python():
    assert words(r"exec make (.+) <", ".ci/run") == ["lint", "types", "test"]
    assert "make lint types" in commands("ci.yml", "checks")
    assert "make test PYTHON=python${{ matrix.python }}" in commands("ci.yml", "tests")
    for script in (".ci/chromium", ".ci/firefox", ".ci/proxies", ".ci/faketime"):
        assert script in commands("ci.yml", "tests")
        assert script in (ROOT / ".ci/run").read_text().splitlines()
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
    assert "az bicep install" in run and run.splitlines()[-1] == "make bicep"


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


def test_the_guide_takes_the_account_of_the_app_also_beside_a_restored_one():
    [line] = [line for line in GUIDE.splitlines() if line.strip().startswith("account=")]
    environ = {"SAVEPOINT_COSMOS_ENDPOINT": "https://restored-1.documents.azure.com:443/"}
    shell = ["sh", "-c", f'{line}\necho "$account"']
    assert subprocess.run(shell, env=environ, capture_output=True, check=True).stdout == b"restored-1\n"


def test_the_guide_says_what_was_checked_and_what_was_not():
    assert "parsed and checked, not compiled, not deployed" in " ".join(GUIDE.split())
