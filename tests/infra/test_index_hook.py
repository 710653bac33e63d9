"""The hook before a deployment waits for indexes. `az` is a program that prints a token, the account a server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from infra.containers import definition
from persistence.storage.containers import CONTAINERS
from tests.support.bicep import ROOT
from tests.support.nonsense import NONSENSE, speaking

SCRIPT = ROOT / "infra" / "hooks" / "indexes.py"
TOKEN = "a token/with+odd characters"


class Account:
    """The containers as they are live, and what the next requests say of the progress."""

    def __init__(self) -> None:
        self.containers: dict[str, Any] = {container.name: definition(container) for container in CONTAINERS}
        self.progress = [100] * 20
        self.status = 200
        self.requests: list[tuple[str, str]] = []
        account = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                account.requests.append((self.path, self.headers["Authorization"]))
                name = self.path.rpartition("/")[2]
                body = json.dumps(account.containers[name]).encode()
                self.send_response(account.status)
                if self.headers["x-ms-documentdb-populatequotainfo"] == "true":
                    progress = str(account.progress.pop(0))
                    self.send_header("x-ms-documentdb-collection-index-transformation-progress", progress)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    yield account
    account.server.shutdown()
    account.server.server_close()


@pytest.fixture
def run(tmp_path: Path, account: Account):
    def run(*arguments: str, failing: bool = False, **environ: str) -> subprocess.CompletedProcess[str]:
        az = tmp_path / "az"
        work = "sys.exit('Please run az login')" if failing else f"print({TOKEN!r})"
        az.write_text(f"#!{sys.executable}\nimport sys\n{work}\n")
        az.chmod(0o755)
        path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SAVEPOINT_HOOK_SECONDS": "0"}
        return subprocess.run(
            [sys.executable, SCRIPT, *(arguments or ("wait",))],
            env={**path, "SAVEPOINT_COSMOS_ENDPOINT": account.endpoint} | environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def test_it_waits_until_every_container_has_its_indexes(run, account: Account):
    account.progress = [30, 99, 100, 100, 7, 100]
    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "sessions: 30 % of the indexes are built.",
        "sessions: 99 % of the indexes are built.",
        "snapshot_access_logs: 7 % of the indexes are built.",
    ]
    assert len(account.requests) == 6
    assert account.requests[0] == (
        "/dbs/savepoint/colls/sessions",
        "type%3Daad%26ver%3D1.0%26sig%3Da%20token%2Fwith%2Bodd%20characters",
    )


def test_an_account_that_leaves_out_the_default_order_has_the_indexes(run, account: Account):
    for container in account.containers.values():
        for index in container["indexingPolicy"]["compositeIndexes"]:
            for part in index:
                if part["order"] == "ascending":
                    del part["order"]
    assert run().returncode == 0


def test_code_is_not_deployed_before_its_indexes_are_declared(run, account: Account):
    del account.containers["sessions"]["indexingPolicy"]["compositeIndexes"][-2:]
    done = run()
    assert done.returncode == 1 and done.stderr == "sessions lacks 2 indexes: run azd provision first.\n"


def test_without_a_role_it_says_so_and_does_not_wait(run, account: Account):
    account.status = 403
    done = run()
    assert done.returncode == 0 and "cannot be read" in done.stdout and len(account.requests) == 1


@pytest.mark.parametrize("status", [404, 500])
def test_another_failure_ends_it_with_the_reason(run, account: Account, status: int):
    account.status = status
    done = run()
    assert done.returncode == 1 and str(status) in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("reply", NONSENSE.values(), ids=NONSENSE)
def test_what_does_not_speak_http_ends_it_with_the_address(run, reply: bytes):
    with speaking(reply) as url:
        done = run(SAVEPOINT_COSMOS_ENDPOINT=url)
    assert done.returncode == 1 and url in done.stderr and "Traceback" not in done.stderr


def test_a_person_who_is_not_signed_in_is_told(run):
    done = run(failing=True)
    assert done.returncode == 1 and "az login" in done.stderr


def test_before_anything_is_provisioned_it_does_nothing(run, account: Account):
    done = run(SAVEPOINT_COSMOS_ENDPOINT="")
    assert (done.returncode, done.stdout, account.requests) == (0, "", [])


def test_an_unknown_step_is_refused(run):
    assert run("build").returncode == 2
