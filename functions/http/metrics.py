"""What is counted of requests. Without an SDK, nothing is.

Attributes are names from the code. They are never an id, an owner, a title or a path as it was sent, so the number
of series does not grow with the number of people.
"""

from opentelemetry import metrics

from functions.http.endpoint import Saves
from persistence.storage.readings import Group

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BYTES = (1e3, 4e3, 16e3, 64e3, 128e3, 256e3, 512e3, 1e6, 2e6, 4e6, 8e6)

_meter = metrics.get_meter("savepoint")
_durations = Group(
    _meter.create_histogram(
        "savepoint.request.duration", "s", "Time of requests.", explicit_bucket_boundaries_advisory=_SECONDS
    )
)
_errors = _meter.create_counter(
    "savepoint.server.errors", "{response}", "5xx responses, but those that are planned."
)
_sizes = Group(
    _meter.create_histogram(
        "savepoint.save.size",
        "By",
        "Bodies that save content, without their content coding.",
        explicit_bucket_boundaries_advisory=_BYTES,
    )
)


def count_request(route: str, method: str, status: int, seconds: float, *, is_planned: bool) -> None:
    """Counts a response. `route` has the names of its parameters, not their values.

    `is_planned`: it is no fault of the server, whatever its status."""
    _durations.add(
        seconds, {"http.route": route, "http.request.method": method, "http.response.status_code": status}
    )
    if status >= 500 and not is_planned and not route.startswith("/health/"):
        _errors.add(1)


def count_save(saves: Saves, size: int, outcome: str) -> None:
    """Counts a request that saves content."""
    _sizes.add(size, {"kind": saves.kind, "form": saves.form, "outcome": outcome})
