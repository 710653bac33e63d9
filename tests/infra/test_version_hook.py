"""The hooks that name a package and check that it answers, against a server that changes as a deployment does."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from functions.health import HealthView, build_of
from settings import Settings
from tests.support.bicep import ROOT
from tests.support.nonsense import NONSENSE, speaking

HOOKS = Path("infra", "hooks")
Answer = tuple[int, str | None]
"""A status, and the build of a 200. The build `new` is the one that was stamped."""


class App:
    """Answers the next of `live` and of `ready`, and the last of each from then on."""

    def __init__(self, folder: Path) -> None:
        self.live: list[Answer] = [(200, "new")]
        self.ready: list[Answer] = [(200, "new")]
        self.timers: list[Answer] = [(200, "new")]
        self.asked: list[str] = []
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                app.asked.append(name)
                answers: list[Answer] = getattr(app, name)
                status, build = answers.pop(0) if len(answers) > 1 else answers[0]
                build = build_of(folder / "functions") if build == "new" else build
                self.send_response(status)
                self.end_headers()
                body = HealthView(build=build).model_dump_json() if status == 200 else '{"detail": "As it says."}'
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / HOOKS, tmp_path / HOOKS)
    (tmp_path / "functions").mkdir()
    return tmp_path


@pytest.fixture
def app(folder: Path) -> Iterator[App]:
    app = App(folder)
    yield app
    app.server.shutdown()
    app.server.server_close()


def hook(folder: Path, step: str, **environ: str) -> subprocess.CompletedProcess[str]:
    settings = {"SAVEPOINT_HOOK_SECONDS": "0", "SAVEPOINT_HOOK_PATIENCE": "0.5", "PATH": os.environ["PATH"]}
    command = [sys.executable, str(folder / HOOKS / "version.py"), step]
    return subprocess.run(command, env=settings | environ, capture_output=True, text=True, timeout=60, check=False)


def stamped(folder: Path) -> str:
    assert hook(folder, "stamp").returncode == 0
    build = build_of(folder / "functions")
    assert build is not None
    return build


def test_every_package_has_a_name_of_its_own(folder: Path) -> None:
    assert build_of(folder / "functions") is None
    assert len({stamped(folder) for _ in range(3)}) == 3


@pytest.mark.parametrize("environ", [{}, {"WEBSITE_SITE_NAME": "func"}], ids=["checkout", "azure"])
def test_only_a_deployment_says_that_it_is_the_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    """Packing leaves the name in the checkout."""
    build = stamped(folder)
    monkeypatch.setattr("settings.FOLDER", folder / "functions")
    cosmos = {"STORE_ENGINE": "cosmos", "COSMOS_ENDPOINT": "https://x.example"}
    tokens = {"AUTH_MODE": "jwt", "JWT_ISSUERS": "https://i.example", "JWT_AUDIENCE": "x"}
    rules = Settings.from_environ({**cosmos, **tokens, **environ}).app_rules()
    assert rules.build == (build if environ else None)


def test_a_deployment_succeeds_when_the_new_version_answers(folder: Path, app: App) -> None:
    build = stamped(folder)
    app.live = [(404, None), (503, None), (200, "old"), (200, "new")]
    app.ready = [(503, None), (200, "old"), (200, "new")]
    done = hook(folder, "check", SAVEPOINT_URL=app.url, SAVEPOINT_HOOK_PATIENCE="30")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-2:] == [f"{app.url} serves build {build}.", "Timers: ok."]
    assert app.asked == ["live"] * 3 + ["live", "ready"] * 3 + ["timers"]


@pytest.mark.parametrize(
    ("answer", "says"), [((503, None), "Timers: 503. As it says."), ((404, None), "Timers: 404.")]
)
def test_late_timers_are_printed_and_fail_no_deployment(folder: Path, app: App, answer: Answer, says: str) -> None:
    stamped(folder)
    app.timers = [answer]
    done = hook(folder, "check", SAVEPOINT_URL=app.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith(says)


@pytest.mark.parametrize(
    ("live", "ready", "says"),
    [
        ((404, None), (404, None), "no functions"),
        ((503, None), (503, None), "a setting is refused"),
        ((200, "new"), (503, None), "cannot reach its database"),
        ((200, "new"), (403, None), "/api/health/ready: 403"),
        ((200, "old"), (200, "old"), "The old version still answers (old"),
        ((200, None), (200, None), "The old version still answers (None"),
    ],
)
def test_a_deployment_that_does_not_work_fails_with_what_to_look_at(
    folder: Path, app: App, live: Answer, ready: Answer, says: str
) -> None:
    stamped(folder)
    app.live, app.ready = [live], [ready]
    done = hook(folder, "check", SAVEPOINT_URL=app.url)
    assert done.returncode == 1 and says in done.stderr
    assert "Application Insights" in done.stderr and "azd deploy" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_app_that_does_not_respond_fails_too(folder: Path, unused_tcp_port: int) -> None:
    stamped(folder)
    done = hook(folder, "check", SAVEPOINT_URL=f"http://127.0.0.1:{unused_tcp_port}")
    assert done.returncode == 1 and "does not respond" in done.stderr


@pytest.mark.parametrize("reply", NONSENSE.values(), ids=NONSENSE)
def test_what_does_not_speak_http_counts_as_no_response(folder: Path, reply: bytes) -> None:
    stamped(folder)
    with speaking(reply) as url:
        done = hook(folder, "check", SAVEPOINT_URL=url)
    assert done.returncode == 1 and "does not respond" in done.stderr and "Traceback" not in done.stderr


def test_outside_azd_and_without_a_package_it_says_so(folder: Path, app: App) -> None:
    assert "SAVEPOINT_URL is not set" in hook(folder, "check").stderr
    assert "build.txt is missing" in hook(folder, "check", SAVEPOINT_URL=app.url).stderr
    assert hook(folder, "build").returncode == 2
