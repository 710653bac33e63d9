"""A collector of OpenTelemetry, which receives metrics over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

Attributes = frozenset[tuple[str, str]]


class Collector:
    """`counts` has the last sum of each counter, and the last number of measurements of each histogram. `sums` has
    the last sum of the measurements of each histogram. Both by the name of the metric, and then by attributes."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.counts: dict[str, dict[Attributes, float]] = {}
        self.sums: dict[str, dict[Attributes, float]] = {}

    def count(self, name: str) -> float:
        return sum(self.counts[name].values())

    def receive(self, body: bytes) -> None:
        sent = ExportMetricsServiceRequest.FromString(body)
        for metric in [one for r in sent.resource_metrics for s in r.scope_metrics for one in s.metrics]:
            if metric.WhichOneof("data") == "histogram":
                points = {_attributes(point): point for point in metric.histogram.data_points}
                self.counts[metric.name] = {key: point.count for key, point in points.items()}
                self.sums[metric.name] = {key: point.sum for key, point in points.items()}
            else:
                self.counts[metric.name] = {
                    _attributes(point): point.as_double or point.as_int for point in metric.sum.data_points
                }


@contextmanager
def collecting() -> Iterator[Collector]:
    """Runs a collector."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server.server_port)
        Thread(target=server.serve_forever, daemon=True).start()
        yield collector
        server.shutdown()


def _attributes(point: Any) -> Attributes:
    values = {one.key: one.value for one in point.attributes}
    return frozenset((key, value.string_value or str(value.int_value)) for key, value in values.items())
