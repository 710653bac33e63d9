"""What an engine without a suitable transaction does in several steps."""

from collections.abc import Sequence
from contextlib import suppress

from persistence.errors import ItemExists
from persistence.storage.containers import Container
from persistence.storage.engine import Create, Engine, Item, Replace


async def create_then_replace_in_steps(
    engine: Engine,
    container: Container,
    new: Sequence[Item],
    item: Item,
    if_match: str,
    then: Sequence[Item] = (),
) -> str:
    """`Engine.create_then_replace` as one write for each item."""
    await create_each(engine, container, new)
    etag = await engine.replace(container, item, if_match)
    await create_each(engine, container, then)
    return etag


async def create_each(engine: Engine, container: Container, items: Sequence[Item]) -> None:
    """Creates the items one after the other. An id that is taken is the driver's retry of its own first try."""
    for item in items:
        with suppress(ItemExists):
            await engine.create(container, item)


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
