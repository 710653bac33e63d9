"""Every method of an engine, called on one small item: `one`, which exists, or `two`, which is created."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Create, Engine, Increment
from persistence.storage.query import Aggregate, Query
from tests.support.items import KIND, PARTITION, thing

Verb = Callable[[Engine], Awaitable[Any]]

QUERY = Query(KIND, PARTITION, ("id",))
WRITES: dict[str, Verb] = {
    "create": lambda engine: engine.create(SESSIONS, thing("two")),
    "replace": lambda engine: engine.replace(SESSIONS, thing("one"), "stale"),
    "create_then_replace": lambda engine: engine.create_then_replace(
        SESSIONS, [thing("two")], thing("one"), "stale"
    ),
    "patch": lambda engine: engine.patch(SESSIONS, "one", PARTITION, [Increment("n")]),
    "delete": lambda engine: engine.delete(SESSIONS, "one", PARTITION),
    "commit": lambda engine: engine.commit(SESSIONS, PARTITION, [Create(thing("two"))]),
}
LISTS: dict[str, Verb] = {
    "query": lambda engine: engine.query(SESSIONS, QUERY),
    "aggregate": lambda engine: engine.aggregate(SESSIONS, QUERY, Aggregate.COUNT),
}
READS: dict[str, Verb] = {
    "read": lambda engine: engine.read(SESSIONS, "one", PARTITION),
    **LISTS,
}
VERBS: dict[str, Verb] = {**WRITES, **READS, "ping": lambda engine: engine.ping()}

every_write = pytest.mark.parametrize("verb", WRITES.values(), ids=WRITES.keys())
every_read = pytest.mark.parametrize("verb", READS.values(), ids=READS.keys())
every_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
