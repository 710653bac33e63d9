"""The Grafana board over a real Prometheus, which reads a real server: each query finds what was done."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.devhost.server import REPOSITORY, run_devhost
from tests.support.bicep import bicep_file
from tests.support.instruments import ATTRIBUTES, emitted, instruments
from tests.support.prometheus import BOARD, QUERIES, Prometheus, missing, scraping, until

WITHOUT_FAULT = {"5xx, per second", "Refusals of the database, per second", "Work that was given up, in an hour"}
"""Queries that find nothing in this test, because nothing goes wrong."""
SAVES = 40
NAMES = re.compile(r"savepoint_[a-z_]+")
LABELS = re.compile(r"by \(([a-z_, ]+)\)|\{([a-z_]+)=")


def test_the_board_asks_for_what_is_counted() -> None:
    counted = {series: one.name for one in instruments() for series in one.series}
    for title, query in QUERIES.items():
        assert (named := set(NAMES.findall(query))), title
        assert named <= counted.keys(), title
        labels = {
            name for labels in LABELS.findall(query) for name in re.findall(r"[a-z_]+", labels[0] or labels[1])
        }
        attributes = {name.replace(".", "_") for series in named for name in ATTRIBUTES[counted[series]]}
        assert labels - {"le"} <= attributes, title
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"]) >= 12


def test_the_workbook_asks_for_what_is_counted() -> None:
    text = Path(REPOSITORY, "infra", "dashboards", "workbook.json").read_text()
    queries = [item["content"]["query"] for item in json.loads(text)["items"] if item["type"] == 3]
    for query in queries:
        [name] = re.findall(r'name == "(savepoint\.[a-z.]+)"', query)
        assert name in emitted()
        assert set(re.findall(r'customDimensions\["([a-z._]+)"\]', query)) <= ATTRIBUTES[name], query
    assert "loadTextContent('../dashboards/workbook.json')" in bicep_file("workbook.bicep").text


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Reads a server every half second, which then saves `SAVES` times and runs its timers."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("prometheus")
    settings = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "DATA_DIR": str(folder / "data")}
    with run_devhost(REPOSITORY, settings) as server, scraping(server.base_url, folder) as found:
        load(server.base_url, found)
        yield found


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
    assert until(lambda: prometheus.ask(query))


def test_its_sums_are_what_was_done(prometheus: Prometheus) -> None:
    assert prometheus.number('sum(savepoint_save_size_bytes_count{outcome="created"})') == SAVES
    assert prometheus.number('sum(savepoint_save_size_bytes_count{outcome="conflict"})') == 2
    posts = 'sum(savepoint_request_duration_seconds_count{http_request_method="POST"})'
    assert prometheus.number(posts) == SAVES
    assert prometheus.number("sum(savepoint_timer_duration_seconds_count)") == 4
