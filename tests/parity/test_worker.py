"""The app in Microsoft's Python engine. `make parity` runs these, and the HTTP tests through the same engine."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

handle_event = pytest.importorskip(
    "azure_functions_runtime.handle_event", reason="Microsoft's engine is not installed here: `make parity`"
)

from functions.app import build_app  # noqa: E402
from persistence import Stores, stores_over  # noqa: E402
from persistence.storage.sqlite.engine import SqliteEngine  # noqa: E402
from tests.conftest import SETTINGS  # noqa: E402
from tests.parity.worker import Worker, WorkerFailure, app_module, rpc  # noqa: E402
from tests.support import http  # noqa: E402
from tests.support.clock import Clock  # noqa: E402
from tests.support.http import NEW, SESSIONS, Client, assert_ok, made  # noqa: E402
from tests.test_app import EXPECTED_HTTP, TIMERS  # noqa: E402

DRAFT = "persistence/drafts/draft-000001"


@pytest.fixture
async def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worker]:
    """The engine with function_app.py itself."""
    settings = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "DATA_DIR": str(tmp_path / "data")}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    started = Worker()
    yield started
    await started.module.close()


def test_the_engine_indexes_exactly_the_expected_functions(worker: Worker):
    triggers = worker.triggers
    found = {
        name: (*one["methods"], one["route"]) for name, one in triggers.items() if one["type"] == "httpTrigger"
    }
    assert found == EXPECTED_HTTP
    timers = {name: one["schedule"] for name, one in triggers.items() if one["type"] == "timerTrigger"}
    settings = worker.module.settings
    assert timers == {
        "mark_deleted_snapshot_logs": settings.cleanup_schedule,
        "sweep_sessions": settings.cleanup_schedule,
        "purge_stale_drafts": settings.purge_schedule,
    }
    assert len(triggers) == len(EXPECTED_HTTP) + len(TIMERS)


def test_the_host_is_told_what_the_app_means(worker: Worker):
    for name, one in worker.functions.items():
        assert (one.language, one.script_file, one.entry_point) == ("python", "function_app.py", name)
        assert one.properties["worker_indexed"] == "True"
        bindings = {each["name"]: each for each in map(json.loads, one.raw_bindings)}
        if name in TIMERS:
            assert list(bindings) == ["timer"] and not bindings["timer"].get("runOnStartup")
        else:
            assert bindings.keys() == {"req", "$return"} and bindings["req"]["authLevel"] == "ANONYMOUS"
            assert one.bindings["$return"].direction == rpc.BindingInfo.out


async def test_function_app_answers_through_the_engine(worker: Worker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "build_app", lambda stores, settings: worker.app())
    client = Client(worker.module.stores, worker.module.settings)
    assert_ok(await client.get("health/ready"))
    path, etag = await made(client, content="Grüße, 世界 🌍")
    read = assert_ok(await client.get(path))
    assert (read.json["content"], read.etag) == ("Grüße, 世界 🌍", etag)


@pytest.mark.parametrize("name", sorted(TIMERS))
async def test_a_timer_runs_through_the_engine(worker: Worker, name: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "savepoint.timers")
    await worker.fire(name)
    [line] = [one.getMessage() for one in caplog.records if one.name == "savepoint.timers"]
    assert line.startswith(f"{name}: ")


async def test_a_timer_does_its_work_through_the_engine(stores: Stores, monkeypatch: pytest.MonkeyPatch):
    clock = Clock.installed(monkeypatch)
    client = Client(stores, SETTINGS)
    assert_ok(await client.put(DRAFT, {"content": "one"}), 201)
    purging = Worker(app_module(build_app(stores, SETTINGS.app_rules())))
    # The first run deletes nothing, nor does the first one after so long a gap. So each is fired twice.
    for _ in range(2):
        await purging.fire("purge_stale_drafts")
    assert_ok(await client.get(DRAFT))
    clock.at += SETTINGS.store_rules().draft_retention + timedelta(seconds=1)
    for _ in range(2):
        await purging.fire("purge_stale_drafts")
    assert (await client.get(DRAFT)).status == 410


async def test_a_timer_that_fails_is_a_failed_invocation(worker: Worker):
    await worker.module.close()
    with pytest.raises(WorkerFailure, match="StoreUnavailable"):
        await worker.fire("purge_stale_drafts")


async def test_every_client_of_the_tests_goes_through_the_engine(stores: Stores, monkeypatch: pytest.MonkeyPatch):
    asked = []

    async def counted(request: Any, invoke: Any = handle_event.invocation_request) -> Any:
        asked.append(request.request.invocation_request.input_data[0].data.http.url)
        return await invoke(request)

    monkeypatch.setattr(handle_event, "invocation_request", counted)
    assert_ok(await Client(stores, SETTINGS).get("health/live"))
    assert "http://localhost:7071/api/health/live" in asked, "pytest has to be run with -p tests.parity.plugin"


async def test_clients_of_several_apps_do_not_mix(tmp_path: Path):
    engines = [SqliteEngine(tmp_path / str(number)) for number in range(3)]
    clients = [Client(stores_over(engine, SETTINGS.store_rules()), SETTINGS) for engine in engines]
    for number, client in enumerate(clients):
        for _ in range(number):
            assert_ok(await client.post(SESSIONS, NEW), 201)
    pages = await asyncio.gather(*(client.get(SESSIONS) for client in clients * 4))
    assert [len(page.json["items"]) for page in pages] == [0, 1, 2] * 4
    for engine in engines:
        await engine.close()
