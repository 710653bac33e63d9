"""The Grafana board over a real Prometheus, which reads a real server: each query finds what was done."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.devhost.server import REPOSITORY, run_devhost
from tests.infra.test_alerts import emitted
from tests.support.bicep import bicep_file

BOARD = json.loads(Path(REPOSITORY, "infra", "dashboards", "grafana.json").read_text())
QUERIES = {panel["title"]: target["expr"] for panel in BOARD["panels"] for target in panel["targets"]}
WITHOUT_FAULT = {"5xx, per second", "Refusals of the database, per second", "Work that was given up, in an hour"}
"""Queries that find nothing in this test, because nothing goes wrong."""
SAVES = 40
SECONDS = 40
NAMES = re.compile(r"savepoint_[a-z_]+")


def promised() -> set[str]:
    """The names that Prometheus has for what the code counts."""
    names = set()
    for metric, kind in {
        "request_duration_seconds": "histogram",
        "save_size_bytes": "histogram",
        "timer_duration_seconds": "histogram",
        "timer_backlog": "histogram",
        "timer_oldest_seconds": "histogram",
        "server_errors": "counter",
        "store_charge": "counter",
        "store_refusals": "counter",
        "background_lost": "counter",
    }.items():
        ends = ("count", "sum", "bucket") if kind == "histogram" else ("total",)
        names |= {f"savepoint_{metric}_{end}" for end in ends}
    return names


def test_the_board_asks_for_what_is_counted() -> None:
    assert {name for query in QUERIES.values() for name in NAMES.findall(query)} <= promised()
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"]) >= 12


def test_the_workbook_asks_for_what_is_counted() -> None:
    text = Path(REPOSITORY, "infra", "dashboards", "workbook.json").read_text()
    queries = [item["content"]["query"] for item in json.loads(text)["items"] if item["type"] == 3]
    named = [re.findall(r'name == "(savepoint\.[a-z.]+)"', query) for query in queries]
    assert all(len(each) == 1 for each in named) and {each[0] for each in named} <= emitted()
    attributes = {name for query in queries for name in re.findall(r'customDimensions\["([a-z._]+)"\]', query)}
    assert attributes <= {"http.route", "http.response.status_code", "outcome", "form", "reason", "timer", "kind"}
    assert "loadTextContent('../dashboards/workbook.json')" in bicep_file("workbook.bicep").text


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
    return found


class Prometheus:
    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False)

    def ask(self, query: str) -> list[dict[str, Any]]:
        response = self.http.get("/api/v1/query", params={"query": query})
        assert response.status_code == 200, response.text
        result: list[dict[str, Any]] = response.json()["data"]["result"]
        return result

    def number(self, query: str) -> float:
        result = self.ask(query)
        return float(result[0]["value"][1]) if result else 0.0

    def has(self, query: str, number: float) -> None:
        """Waits until the query finds the number."""
        until(lambda: self.number(query) == number)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Reads a server every half second, which then saves `SAVES` times and runs its timers."""
    if (program := shutil.which("prometheus")) is None:
        pytest.skip("Debian's prometheus is not installed")
    folder = tmp_path_factory.mktemp("prometheus")
    settings = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "DATA_DIR": str(folder / "data")}
    with run_devhost(REPOSITORY, settings) as server:
        target = server.base_url.partition("//")[2]
        (folder / "prometheus.yml").write_text(
            "scrape_configs:\n- job_name: savepoint\n  scrape_interval: 500ms\n  scrape_timeout: 500ms\n"
            f"  static_configs:\n  - targets: ['{target}']\n"
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        flags = ["--web.listen-address", address, "--storage.tsdb.path", str(folder / "series")]
        command = [program, "--config.file", str(folder / "prometheus.yml"), *flags]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            found = Prometheus(f"http://{address}")
            try:
                until(lambda: is_up(found))
                load(server.base_url, found)
                yield found
            finally:
                found.http.close()
                process.terminate()


def is_up(prometheus: Prometheus) -> bool:
    try:
        return prometheus.number("up") == 1
    except (httpx.TransportError, AssertionError):
        return False


def load(url: str, prometheus: Prometheus) -> None:
    """Saves in two halves, with a look in between, because a rate needs two values."""
    body = {"title": "One", "description": None, "content": "one"}
    with httpx.Client(base_url=url, headers={"X-User-Id": "ann"}, trust_env=False) as client:
        for half in (1, 2):
            for _ in range(SAVES // 2):
                assert client.post("/api/persistence/sessions", json=body).status_code == 201
            id = client.get("/api/persistence/sessions").json()["items"][0]["id"]
            stale = {"If-Match": '"9-0123456789abcdef"'}
            assert (
                client.put(f"/api/persistence/sessions/{id}", json={"content": "x"}, headers=stale).status_code
                == 412
            )
            for timer in ("sweep_sessions", "purge_stale_drafts"):
                assert client.post(f"/admin/functions/{timer}").status_code == 202
            prometheus.has("sum(savepoint_timer_duration_seconds_count)", 2 * half)
            prometheus.has('sum(savepoint_save_size_bytes_count{outcome="created"})', half * SAVES // 2)


@pytest.mark.parametrize("title", sorted(QUERIES.keys() - WITHOUT_FAULT))
def test_each_query_of_the_board_returns_data(prometheus: Prometheus, title: str) -> None:
    query = QUERIES[title].replace("$__rate_interval", "30s")
    assert until(lambda: [one for one in prometheus.ask(query) if one["value"][1] != "NaN"])


def test_its_sums_are_what_was_done(prometheus: Prometheus) -> None:
    assert prometheus.number('sum(savepoint_save_size_bytes_count{outcome="created"})') == SAVES
    assert prometheus.number('sum(savepoint_save_size_bytes_count{outcome="conflict"})') == 2
    posts = 'sum(savepoint_request_duration_seconds_count{http_request_method="POST"})'
    assert prometheus.number(posts) == SAVES
    assert prometheus.number("sum(savepoint_timer_duration_seconds_count)") == 4
