"""Measures two sides in turns, block by block, so that noise of the machine hits both alike."""

import asyncio
import math
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import Self

from benchmarks.client import Connection, Response, connect
from benchmarks.requests import Operation

BUSY_SHARE = 0.9
"""Share of busy time from which the client itself limits the rate."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The length of a measurement: `rounds` blocks of `seconds` for each side, after a warm-up."""

    rounds: int
    seconds: float
    warm_up_seconds: float


@dataclass(frozen=True, slots=True)
class Server:
    """A server process on this machine."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Returns the user and system time of the process so far. nan if the system is not Linux.

        The clock is that of clock_getcpuclockid(3). Its steps are nanoseconds, those of /proc are 10 ms.
        """
        return time.clock_gettime(~self.pid << 3 | 2) if sys.platform == "linux" else math.nan


@dataclass(frozen=True, slots=True)
class Side:
    """An operation, and the server that handles it."""

    operation: Operation
    server: Server


@dataclass(slots=True)
class Series:
    """The measurements of one side. Times are in seconds. Each block adds one median, rate, share and CPU time.

    `cpu_times` are those of the server per request. Other processes hardly change them.
    """

    latencies: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    client_shares: list[float] = field(default_factory=list)
    cpu_times: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return statistics.median(self.latencies)

    @property
    def p95(self) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * 0.95)]

    @property
    def rate(self) -> float:
        """Requests per second. The median of the blocks, so that one disturbed block has little influence."""
        return statistics.median(self.rates)

    @property
    def client_is_bottleneck(self) -> bool:
        return statistics.median(self.client_shares) >= BUSY_SHARE


class Failed(Exception):
    """Raised if a response has an unexpected status."""


async def compare(one: Side, other: Side, concurrency: int, pace: Pace) -> tuple[Series, Series]:
    """Returns the series of each side."""
    async with _Crew(one, concurrency) as ones, _Crew(other, concurrency) as others:
        for crew in (ones, others):
            await crew.work(pace.warm_up_seconds)
        ones.series, others.series = Series(), Series()
        for turn in range(pace.rounds):
            # The order is A B, B A, ..., so that neither side always comes second.
            for crew in (ones, others) if turn % 2 == 0 else (others, ones):
                await crew.work(pace.seconds)
        return ones.series, others.series


async def first_response(side: Side) -> bytes:
    """Returns the body of one response."""
    connection = await connect(side.server.port)
    try:
        return (await _Lane(connection, side.operation, 0).turn()).body
    finally:
        connection.close()


class _Lane:
    """One client: a connection, and the conversation on it."""

    def __init__(self, connection: Connection, operation: Operation, number: int) -> None:
        self.connection = connection
        self._operation = operation
        self._conversation = operation.start(number)
        self._request = next(self._conversation)

    async def turn(self) -> Response:
        """Sends one request. Raises Failed if the response has another status."""
        response = await self.connection.send(self._request)
        if response.status != self._operation.status:
            raise Failed(f"{self._operation.name} returned {response.status}: {response.body[:500]!r}")
        self._request = self._conversation.send(response)
        return response

    async def work(self, until: float, latencies: list[float]) -> None:
        ended = 0.0
        while ended < until:
            for _ in range(1, self._operation.measured_every):
                await self.turn()
            started = time.perf_counter()
            await self.turn()
            ended = time.perf_counter()
            latencies.append(ended - started)


class _Crew:
    """All clients of one side."""

    def __init__(self, side: Side, concurrency: int) -> None:
        self._side, self._concurrency = side, concurrency
        self._lanes: list[_Lane] = []
        self.series = Series()

    async def __aenter__(self) -> Self:
        for number in range(self._concurrency):
            connection = await connect(self._side.server.port)
            self._lanes.append(_Lane(connection, self._side.operation, number))
        return self

    async def __aexit__(self, *_: object) -> None:
        for lane in self._lanes:
            lane.connection.close()

    async def work(self, seconds: float) -> None:
        """Measures one block. Each client sends at least one request."""
        latencies: list[float] = []
        served = self._side.server.cpu_seconds()
        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(lane.work(started + seconds, latencies) for lane in self._lanes))
        elapsed = time.perf_counter() - started
        self.series.latencies += latencies
        self.series.medians.append(statistics.median(latencies))
        self.series.rates.append(len(latencies) / elapsed)
        self.series.client_shares.append((time.process_time() - cpu) / elapsed)
        self.series.cpu_times.append((self._side.server.cpu_seconds() - served) / len(latencies))
