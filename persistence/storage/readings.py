"""What waits until metrics are read.

With an SDK, a measurement costs 10 µs. It costs more between other work, which displaces its code from the caches
of the processor.
"""

from collections import deque
from collections.abc import Callable, Mapping

from opentelemetry import metrics

Attributes = Mapping[str, str | int]

_GROUP_MAX = 64
_callbacks: list[Callable[[], None]] = []


def before_reading(callback: Callable[[], None]) -> None:
    """Lets the callback complete the metrics before each reading. Any thread may call it."""
    _callbacks.append(callback)


class Group:
    """Measurements that are recorded together: when metrics are read, or `_GROUP_MAX` wait."""

    def __init__(self, instrument: metrics.Histogram) -> None:
        self._instrument = instrument
        self._waiting: deque[tuple[float, Attributes]] = deque()
        before_reading(self._record_all)

    def add(self, amount: float, attributes: Attributes) -> None:
        """Adds a measurement. Must not change the attributes later."""
        self._waiting.append((amount, attributes))
        if len(self._waiting) >= _GROUP_MAX:
            self._record_all()

    def _record_all(self) -> None:
        while self._waiting:
            try:
                amount, attributes = self._waiting.popleft()
            except IndexError:
                return  # another thread was faster
            self._instrument.record(amount, attributes)


def _complete(_: metrics.CallbackOptions) -> tuple[metrics.Observation, ...]:
    for callback in _callbacks:
        callback()
    return ()


# The SDK calls the callbacks first when metrics are read. This one observes nothing.
metrics.get_meter("savepoint").create_observable_counter(
    "before.reading", [_complete], description="Never has a value."
)
