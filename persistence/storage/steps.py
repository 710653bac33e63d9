"""What an engine without a suitable transaction does in several steps."""

from collections.abc import Sequence
from contextlib import suppress

from persistence.errors import ItemExists
from persistence.storage.checks import check_reference, check_size
from persistence.storage.containers import Container
from persistence.storage.engine import Create, Engine, Item, Replace


async def create_then_replace_in_steps(
    engine: Engine, container: Container, new: Item, item: Item, if_match: str
) -> str:
    """`Engine.create_then_replace` as two writes."""
    check_reference(container, new, item)
    check_size(item)
    with suppress(ItemExists):  # raised by a driver that retries its own first try
        await engine.create(container, new)
    return await engine.replace(container, item, if_match)


async def commit_in_steps(
    engine: Engine, container: Container, partition: str, operations: Sequence[Create | Replace]
) -> list[str]:
    """`Engine.commit` as one commit of all creates, and one write for each replace."""
    # Creates first: a replaced item must not refer to one that does not exist yet.
    creates = [one for one in operations if isinstance(one, Create)]
    created = await engine.commit(container, partition, creates) if creates else []
    replaced = [
        await engine.replace(container, one.item, one.if_match) for one in operations if isinstance(one, Replace)
    ]
    return [*replaced, *created]
