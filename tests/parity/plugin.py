"""`pytest -p tests.parity.plugin`: every `Client` of the tests calls the app through Microsoft's Python engine."""

from tests.parity.worker import WorkerClient
from tests.support import http

http.Client = WorkerClient  # type: ignore[misc]
