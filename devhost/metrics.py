"""The provider of metrics, which Azure's worker makes there: for Prometheus, and for a collector that is named.

Both need packages that are not deployed. Without them, nothing is counted.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The setting with the address of a collector. OpenTelemetry reads further ones, by its own names."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Metrics:
    """`text` returns what was counted until now, in the format of Prometheus. None if nothing is counted."""

    text: Callable[[], bytes] | None
    stop: Callable[[], None]


def start_metrics(environ: Mapping[str, str]) -> Metrics:
    """Counts from now on. Once in a process. Sends to the collector at intervals, and once more at the end."""
    try:
        import prometheus_client
        from opentelemetry import metrics
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
        from opentelemetry.sdk.metrics.export import MetricReader
    except ImportError as error:
        _log.info("Nothing is counted, because %s is not installed", error.name)
        return Metrics(None, lambda: None)

    class Scraped(PrometheusMetricReader):
        """Gives what was counted when it is asked. A flush would only make it say everything twice."""

        def force_flush(self, timeout_millis: float = 0) -> bool:
            return True

    readers: list[MetricReader] = [Scraped()]
    if environ.get(OTLP_ENDPOINT):
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    provider = MeterProvider(readers, exemplar_filter=AlwaysOffExemplarFilter())
    metrics.set_meter_provider(provider)
    return Metrics(prometheus_client.generate_latest, provider.shutdown)
