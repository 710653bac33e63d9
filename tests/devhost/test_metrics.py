"""`GET /metrics` and the collector that a setting names: both have what was counted."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.devhost.server import REPOSITORY, DevhostServer, run_devhost
from tests.support.collector import Collector, collecting

SAVES = 7
SAVED = 'http_request_method="POST",http_response_status_code="201",http_route="/persistence/sessions"'


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[DevhostServer]:
    settings = {
        "STORE_ENGINE": "sqlite",
        "AUTH_MODE": "local",
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
    }
    with run_devhost(REPOSITORY, settings) as server:
        yield server


@pytest.fixture(scope="module")
def scraped(server: DevhostServer) -> list[str]:
    """The lines after some saves and runs of a timer."""
    body = {"title": "One", "description": None, "content": "one"}
    with httpx.Client(base_url=server.base_url, headers={"X-User-Id": "ann"}, trust_env=False) as client:
        for _ in range(SAVES):
            assert client.post("/api/persistence/sessions", json=body).status_code == 201
        for _ in range(2):
            assert client.post("/admin/functions/sweep_sessions").status_code == 202
        lines: list[str] = []
        while not any(line.startswith("savepoint_timer_duration_seconds_count") for line in lines):
            response = client.get("/metrics")
            assert response.headers["content-type"].startswith("text/plain")
            lines = response.text.splitlines()
    return lines


def test_prometheus_reads_each_series_once(scraped: list[str]) -> None:
    series = [line.rpartition(" ")[0] for line in scraped if not line.startswith("#")]
    assert len(series) == len(set(series))
    [saved] = [
        one for one in scraped if one.startswith("savepoint_request_duration_seconds_count") and SAVED in one
    ]
    assert saved.endswith(f" {SAVES}.0")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.1"},
        {"Host": "example.org"},
        {"Origin": "https://example.org"},
        {"Via": "1.1 x"},
    ],
)
def test_only_this_machine_may_read_it(server: DevhostServer, headers: dict[str, str]) -> None:
    assert httpx.get(f"{server.base_url}/metrics", headers=headers, trust_env=False).status_code == 403


def test_a_collector_gets_the_same(server: DevhostServer, scraped: list[str], collector: Collector) -> None:
    assert server.stop() == 0, server.stderr()
    assert re.search(r"create_session 201 .* \[[0-9a-f]{32}\]$", server.stderr(), re.MULTILINE)
    assert collector.count("savepoint.request.duration") == SAVES
    assert collector.count("savepoint.save.size") == SAVES
    assert collector.count("savepoint.timer.duration") == 2
