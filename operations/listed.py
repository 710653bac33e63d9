"""What a store says of the items of a partition without reading each: one query for 500 items."""

import hashlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import orjson

from operations.checks import MODELS
from operations.items import addresses
from operations.places import CURE, WrongCall
from persistence.storage.containers import Container
from persistence.storage.engine import Engine, is_readable

CONTENT = "content"
_FIELDS = tuple(
    {
        getattr(field, "alias", None) or name
        for model in MODELS.values()
        for name, field in (*model.model_fields.items(), *model.model_computed_fields.items())
    }
    - {"id", "kind"}
)
_DIGEST_BYTES = 16


class Listed(NamedTuple):
    """An item as it was listed. `digest` is that of all fields but the payload, which changes only with them. None
    if it has to be read."""

    kind: str
    digest: bytes | None

    def is_same(self, other: "Listed | None") -> bool:
        """Returns True if no reading is needed to know that both are the same. A content is written once, under an
        id that is never used again."""
        return self == other and (self.digest is not None or self.kind == CONTENT)


async def listed(engine: Engine, container: Container, partition: str) -> AsyncIterator[tuple[str, Listed]]:
    """Yields each item by id. Raises WrongCall if a list is not in order, as in a damaged file."""
    last = ""
    async for item in addresses(engine, container, partition, _FIELDS):
        id, kind = str(item["id"]), str(item.get("kind"))
        if id <= last:
            raise WrongCall(f"a list of a store is not in order at {id}: its file is damaged; {CURE}")
        digest = None
        if kind in MODELS and kind != CONTENT and is_readable(item):
            text = orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
            digest = hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()
        yield id, Listed(kind, digest)
        last = id


async def side_by_side(
    first: AsyncIterator[tuple[str, Listed]], second: AsyncIterator[tuple[str, Listed]]
) -> AsyncIterator[tuple[str, Listed | None, Listed | None]]:
    """Yields each id that either has, with what both have of it. One page of each is in memory."""
    one, other = await anext(first, None), await anext(second, None)
    while one is not None or other is not None:
        id = min(each[0] for each in (one, other) if each is not None)
        here = there = None
        if one is not None and one[0] == id:
            here, one = one[1], await anext(first, None)
        if other is not None and other[0] == id:
            there, other = other[1], await anext(second, None)
        yield id, here, there
