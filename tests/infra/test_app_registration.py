"""The azd hooks. `az` and `azd` are replaced by programs that record their arguments."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.bicep import ROOT

SCRIPT = ROOT / "infra" / "hooks" / "app_registration.py"
ENVIRONMENT = {"AZURE_ENV_NAME": "dev", "AZURE_SUBSCRIPTION_ID": "sub-1", "AZURE_TENANT_ID": "tenant-1"}
PROVISIONED = ENVIRONMENT | {"AUTH_CLIENT_ID": "client-1", "SAVEPOINT_URL": "https://func.example"}
OWN = PROVISIONED | {"AUTH_REGISTRATION": "own"}
PAGE = "https://func.example/api/workbench"
CLIENTS = {"AUTH_CLIENTS": "cli-1, page-1,"}
APPLICATION = {"id": "object-1", "appId": "client-1", "spa": {"redirectUris": ["https://kept.example"]}}
FAKE = """#!{python}
import json, os, sys
name = os.path.basename(sys.argv[0])
with open({log!r}, "a") as log:
    log.write(json.dumps([name, *sys.argv[1:], sys.stdin.read() if "@-" in sys.argv else ""]) + "\\n")
if {late!r} and {late!r} in " ".join(sys.argv) and sum({late!r} in line for line in open({log!r})) == 1:
    sys.exit("Not Found: Request_ResourceNotFound")
if {failing!r} and {failing!r} in " ".join(sys.argv):
    sys.exit("Forbidden: Insufficient privileges to complete the operation.")
if "GET" in sys.argv:
    print({answer!r})
"""


@dataclass
class Run:
    """One run of a hook: its exit status, its output, and its calls of `az` and `azd`."""

    status: int
    output: str
    calls: list[list[str]]

    def all_patched(self, path: str) -> list[dict[str, Any]]:
        """Returns the bodies of all PATCH of a path of Microsoft Graph, in order."""
        url = f"https://graph.microsoft.com/v1.0/{path}"
        return [json.loads(call[-1]) for call in self.calls if "PATCH" in call and url in call]

    def patched(self, path: str) -> dict[str, Any]:
        """Returns the body of the only PATCH of a path."""
        [body] = self.all_patched(path)
        return body


@pytest.fixture
def run(tmp_path: Path):
    def run(step: str, environ: dict[str, str], failing: str = "", late: str = "") -> Run:
        log = tmp_path / "calls"
        log.write_text("")
        for name in ("az", "azd"):
            program = tmp_path / name
            answers = {"failing": failing, "late": late, "answer": json.dumps(APPLICATION)}
            program.write_text(FAKE.format(python=sys.executable, log=str(log), **answers))
            program.chmod(0o755)
        done = subprocess.run(
            [sys.executable, SCRIPT, step],
            env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"} | environ,
            capture_output=True,
            text=True,
            check=False,
        )
        calls = [json.loads(line) for line in log.read_text().splitlines()]
        return Run(done.returncode, done.stdout + done.stderr, calls)

    return run


def assert_is_api(done: Run, clients: tuple[str, ...] = ()) -> None:
    """The scope comes first, then the clients that may use it."""
    first, second = done.all_patched("applications/object-1")
    assert first["identifierUris"] == ["api://client-1"]
    assert first["api"]["requestedAccessTokenVersion"] == 2
    [scope] = first["api"]["oauth2PermissionScopes"]
    assert scope["value"] == "user_impersonation"
    granted = [{"appId": one, "delegatedPermissionIds": [scope["id"]]} for one in clients]
    assert second == {"api": {"preAuthorizedApplications": granted}}


def test_a_registration_is_made_and_named_in_the_environment(run):
    done = run("prepare", ENVIRONMENT)
    assert done.status == 0
    assert_is_api(done)
    done.patched("servicePrincipals(appId='client-1')")
    assert ["azd", "env", "set", "AUTH_CLIENT_ID", "client-1", ""] in done.calls


def test_it_is_told_from_others_of_the_same_name_by_the_subscription(run):
    done = run("prepare", ENVIRONMENT)
    made = done.patched("applications(uniqueName='savepoint-dev-sub-1')")
    assert made == {"displayName": "savepoint-dev", "signInAudience": "AzureADMyOrg"}


def test_no_secret_is_ever_asked_for(run):
    for done in (run("prepare", ENVIRONMENT), run("connect", OWN)):
        assert not [call for call in done.calls if "assword" in json.dumps(call) or "ecret" in json.dumps(call)]


def test_a_second_run_asks_for_the_same(run):
    first, second = run("prepare", ENVIRONMENT), run("prepare", ENVIRONMENT)
    assert first.calls == second.calls


def test_what_is_created_is_created_only_where_it_is_missing(run):
    done = run("prepare", ENVIRONMENT)
    creating = [call for call in done.calls if "PATCH" in call and "(" in call[call.index("--url") + 1]]
    assert len(creating) == 2
    assert all("Prefer=create-if-missing" in call for call in creating)


@pytest.mark.parametrize("given", [{"AUTH_CLIENT_ID": "mine"}, {"STATIC_WEB_APP_HOSTNAME": "x.example"}])
def test_nothing_is_made_where_there_is_one_or_none_is_needed(run, given: dict[str, str]):
    done = run("prepare", ENVIRONMENT | given)
    assert (done.status, done.calls) == (0, [])


def test_a_registration_of_our_own_is_brought_up_to_date_every_time(run):
    done = run("prepare", OWN | CLIENTS)
    assert done.status == 0
    assert_is_api(done, ("cli-1", "page-1"))
    assert not [call for call in done.calls if call[0] == "azd"]


def test_redirects_are_added_and_none_is_taken_away(run):
    origins = {"CORS_ORIGINS": "https://a.example, https://b.example"}
    done = run("connect", OWN | origins)
    assert done.patched("applications/object-1") == {
        "spa": {"redirectUris": ["https://kept.example", "https://a.example", "https://b.example", PAGE]}
    }


def test_a_registration_that_was_brought_along_is_never_touched(run):
    given = PROVISIONED | CLIENTS | {"CORS_ORIGINS": "https://a.example"}
    assert run("prepare", given).calls == []
    done = run("connect", given)
    assert (done.status, done.calls) == (0, [])
    needed = json.loads(done.output.partition("\n")[2])
    assert needed["spa"] == {"redirectUris": ["https://a.example", PAGE]}
    assert needed["api"]["requestedAccessTokenVersion"] == 2
    assert [one["appId"] for one in needed["api"]["preAuthorizedApplications"]] == ["cli-1", "page-1"]


def test_nothing_is_connected_behind_a_static_web_app(run):
    done = run("connect", OWN | {"STATIC_WEB_APP_HOSTNAME": "x.example"})
    assert (done.status, done.calls, done.output) == (0, [], "")


def test_a_refusal_ends_it_with_the_reason_and_what_to_do(run):
    done = run("prepare", ENVIRONMENT, failing="servicePrincipals")
    assert done.status == 1
    assert "Insufficient privileges" in done.output
    assert "azd env set AUTH_CLIENT_ID" in done.output
    assert "Traceback" not in done.output
    assert not [call for call in done.calls if call[0] == "azd"]


def test_what_was_just_made_is_asked_for_again_until_it_is_known(run):
    done = run("prepare", ENVIRONMENT, late="servicePrincipals")
    assert done.status == 0
    assert sum("servicePrincipals" in json.dumps(call) for call in done.calls) == 2


@pytest.mark.parametrize("missing", ["AZURE_ENV_NAME", "AZURE_SUBSCRIPTION_ID"])
def test_outside_azd_it_says_so(run, missing: str):
    done = run("prepare", {name: value for name, value in ENVIRONMENT.items() if name != missing})
    assert done.status == 1
    assert f"{missing} is not set" in done.output


def test_an_unknown_step_is_refused(run):
    assert run("destroy", ENVIRONMENT).status == 2
