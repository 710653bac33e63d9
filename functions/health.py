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
from functions.http.errors import StillAway
from functions.http.views import Nothing, WireModel
from persistence.errors import LateTimer, TimersLate
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
        self._is_away = False

    async def check(self) -> None:
        """Raises what the engine raises, and StillAway until it is asked again."""
        async with self._asking:
            if self._clock() >= self._ask_again_at:
                await self._ask()
            elif self._is_away:
                raise StillAway

    async def _ask(self) -> None:
        self._is_away = True
        try:
            await self._engine.ping()
            self._is_away = False
        finally:
            # Counted from the end of the question, which may take longer than the wait.
            self._ask_again_at = self._clock() + ASK_SECONDS


class HealthView(WireModel):
    """The app works. If not, the response is a problem."""

    status: Literal["ok"] = Field(default="ok", description="Always `ok`.")
    build: str | None = Field(
        description="Names the package that was deployed. Null if it was not packed for Azure."
    )


def build_of(folder: Path) -> str | None:
    """Returns the build id that the hook `infra/hooks/version.py` wrote when the code was packed."""
    file = folder / "build.txt"
    return file.read_text().strip() if file.is_file() else None


OK = HealthView(build=build_of(Path(__file__).parent))


@routes.serve(Route("GET", "health/live", public=True))
async def get_health_live(call: Call[Nothing, Nothing]) -> Response[HealthView]:
    """Returns ok if the process responds."""
    return Response(OK)


@routes.serve(Route("GET", "health/ready", public=True, statuses=(429, 503)))
async def get_health_ready(call: Call[Nothing, Nothing], readiness: Readiness) -> Response[HealthView]:
    """Returns ok if the engine responds too, and writes succeed as far as is known. Else 503.

    The engine is asked at most once in five seconds.
    """
    await readiness.check()
    return Response(OK)


TIMERS_ASK_SECONDS = 60.0
"""The least time between two looks at the records of the timers, however many calls ask."""


class Punctuality:
    """Looks at the records at most once in `TIMERS_ASK_SECONDS`, and remembers which timers are late."""

    def __init__(self, records: TimerRecords, clock: Callable[[], float] = time.monotonic) -> None:
        self._records, self._clock = records, clock
        self._asking = asyncio.Lock()
        self._ask_again_at = -math.inf
        self._late: list[LateTimer] = []

    async def check(self) -> None:
        """Raises TimersLate, and what the engine raises."""
        async with self._asking:
            if self._clock() >= self._ask_again_at:
                self._late = await self._records.late()
                self._ask_again_at = self._clock() + TIMERS_ASK_SECONDS
        if self._late:
            raise TimersLate(self._late)


@routes.serve(Route("GET", "health/timers", public=True, statuses=(429, 503)))
async def get_health_timers(call: Call[Nothing, Nothing], punctuality: Punctuality) -> Response[HealthView]:
    """Returns ok if every timer has succeeded in time. Else 503, which names those that are late.

    A timer is late if no run has succeeded 30 minutes after its schedule asks for one. That is computed at most
    once a minute.
    """
    await punctuality.check()
    return Response(OK)
