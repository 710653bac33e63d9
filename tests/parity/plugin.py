"""`pytest -p tests.parity.plugin`: every `Client` of the tests calls the app through Microsoft's Python engine."""

from tests.parity.worker import build_app
from tests.support import http

http.build_app = build_app  # type: ignore[attr-defined]  # imported there, for this to stand in its place
