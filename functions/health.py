"""Tells whether the app and its engine work. Open to everyone, so responses have nothing else, and cost little."""

import asyncio
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field

from functions.http.call import Call, Response
from functions.http.endpoint import Route, Routes
from functions.http.errors import StillAway, StillThrottled
from functions.http.views import Nothing, WireModel
from persistence.errors import LateTimer, Throttled, TimersLate
from persistence.timers.records import TimerRecords

ASK_SECONDS = 5.0
"""The least time between two questions to the engine, however many calls ask."""

routes = Routes("health", "Whether the app works. Open to everyone.", prefix="")


class Pingable(Protocol):
    """The part of an engine that is used here."""

    async def ping(self) -> None:
        """Raises StoreUnavailable if the engine does not respond."""


class Readiness:
    """Asks the engine at most once in `ASK_SECONDS`, and remembers what it said, also a failure."""

    def __init__(self, engine: Pingable, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._clock = engine, clock
        self._asking = asyncio.Lock()
        self._ask_again_at = -math.inf
        self._fault: type[StillAway] | None = StillAway

    async def check(self) -> None:
        """Raises what the engine raises, and the same again as StillAway until it is asked again."""
        async with self._asking:
            if self._clock() >= self._ask_again_at:
                await self._ask()
            elif self._fault is not None:
                raise self._fault

    async def _ask(self) -> None:
        try:
            await self._engine.ping()
            self._fault = None
        except Exception as exc:
            self._fault = StillThrottled if isinstance(exc, Throttled) else StillAway
            raise
        finally:
            # Counted from the end of the question, which may take longer than the wait.
            self._ask_again_at = self._clock() + ASK_SECONDS


class HealthView(WireModel):
    """The app works. If not, the response is a problem."""

    status: Literal["ok"] = Field(default="ok", description="Always `ok`.")
    build: str | None = Field(
        description="Names the package that was deployed. Null if it was not packed for Azure."
    )


FOLDER = Path(__file__).parent


def build_of(folder: Path) -> str | None:
    """Returns the build id that the hook `infra/hooks/version.py` wrote when the code was packed.

    Packing leaves it in the checkout, too, so only a deployment may say that it is that build.
    """
    file = folder / "build.txt"
    return file.read_text().strip() if file.is_file() else None


@routes.serve(Route("GET", "health/live", public=True))
async def get_health_live(call: Call[Nothing, Nothing], healthy: HealthView) -> Response[HealthView]:
    """Returns ok if the process responds."""
    return Response(healthy)


@routes.serve(Route("GET", "health/ready", public=True, statuses=(429, 503)))
async def get_health_ready(
    call: Call[Nothing, Nothing], readiness: Readiness, healthy: HealthView
) -> Response[HealthView]:
    """Returns ok if the engine responds too, and writes succeed as far as is known. Else 503.

    The engine is asked at most once in five seconds.
    """
    await readiness.check()
    return Response(healthy)


TIMERS_ASK_SECONDS = 60.0
"""The least time between two looks at the records of the timers, however many calls ask."""


class Punctuality:
    """Looks at the records at most once in `TIMERS_ASK_SECONDS`, and remembers which timers are late.

    If that fails, it is told for `ASK_SECONDS` without another look.
    """

    def __init__(self, records: TimerRecords, clock: Callable[[], float] = time.monotonic) -> None:
        self._records, self._clock = records, clock
        self._asking = asyncio.Lock()
        self._ask_again_at = -math.inf
        self._late: list[LateTimer] | None = None

    async def check(self) -> None:
        """Raises TimersLate, and what the engine raises, and StillAway until it is asked again."""
        async with self._asking:
            if self._clock() >= self._ask_again_at:
                await self._ask()
            if self._late is None:
                raise StillAway
            if self._late:
                raise TimersLate(self._late)

    async def _ask(self) -> None:
        self._late = None
        try:
            self._late = await self._records.late()
        finally:
            self._ask_again_at = self._clock() + (ASK_SECONDS if self._late is None else TIMERS_ASK_SECONDS)


@routes.serve(Route("GET", "health/timers", public=True, statuses=(429, 503)))
async def get_health_timers(
    call: Call[Nothing, Nothing], punctuality: Punctuality, healthy: HealthView
) -> Response[HealthView]:
    """Returns ok if every timer has succeeded in time. Else 503, which names those that are late.

    A timer is late if no run has succeeded 30 minutes after its schedule asks for one. That is computed at most
    once a minute.
    """
    await punctuality.check()
    return Response(healthy)
