"""What an engine without a suitable transaction does in several steps."""

from contextlib import suppress

from persistence.errors import ItemExists
from persistence.storage.checks import check_reference, check_size
from persistence.storage.containers import Container
from persistence.storage.engine import Engine, Item


async def create_then_replace_in_steps(
    engine: Engine, container: Container, new: Item, item: Item, if_match: str
) -> str:
    """`Engine.create_then_replace` as two writes."""
    check_reference(container, new, item)
    check_size(item)
    with suppress(ItemExists):  # raised by a driver that retries its own first try
        await engine.create(container, new)
    return await engine.replace(container, item, if_match)
