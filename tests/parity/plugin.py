"""`pytest -p tests.parity.plugin`: every `Client` of the tests calls the app through Microsoft's own Python engine."""

from tests.parity.worker import build_app
from tests.support import http

http.build_app = build_app
