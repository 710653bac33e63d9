"""Ways to break every request of an engine for items, through the proxy in front of its database."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from persistence.storage.cosmos.engine import CosmosEngine
from tests.support.faults import Fault, Recorded

Opened = Callable[..., Awaitable[CosmosEngine]]
"""Opens an engine on the test's account, with changes to the account."""

METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE")


def documents(request: Recorded) -> bool:
    """Whether the request is about items. Includes queries and batches."""
    return "/docs" in request.path


def always(lay: Callable[..., Fault], **fault: Any) -> list[Fault]:
    """Adds a fault that affects all requests for items from now on."""
    return [lay(method, documents, times=1000, **fault) for method in METHODS]


def end(faults: list[Fault]) -> None:
    for fault in faults:
        fault.times = 0
        fault.released.set()


async def impatient(engine: CosmosEngine, timeout_seconds: float) -> CosmosEngine:
    """Opens the engine's client, then sets the timeout of its calls."""
    await engine.ping()
    engine._client.account = replace(engine._client.account, timeout_seconds=timeout_seconds)
    return engine
