"""`GET /metrics` and the collector that a setting names: both have what was counted."""

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.devhost.server import REPOSITORY, DevhostServer, run_devhost

SAVES = 7
SAVED = 'http_request_method="POST",http_response_status_code="201",http_route="/persistence/sessions"'


class Collector:
    """Receives OTLP over HTTP. `counts` has the last number of measurements of each histogram."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sent = ExportMetricsServiceRequest.FromString(body)
                for metric in [one for r in sent.resource_metrics for s in r.scope_metrics for one in s.metrics]:
                    points = metric.histogram.data_points
                    collector.counts[metric.name] = sum(point.count for point in points)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[DevhostServer]:
    settings = {
        "STORE_ENGINE": "sqlite",
        "AUTH_MODE": "local",
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server.server_port}",
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
    assert collector.counts["savepoint.request.duration"] == SAVES
    assert collector.counts["savepoint.save.size"] == SAVES
    assert collector.counts["savepoint.timer.duration"] == 2
