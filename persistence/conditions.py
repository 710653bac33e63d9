"""What a caller requires of a write."""

from collections.abc import Collection, Set
from dataclasses import dataclass


class AnyTag(frozenset[str]):
    """The entity tags that `*` stands for: all of them."""

    def __contains__(self, tag: object) -> bool:
        return True

    def __bool__(self) -> bool:
        """True, although no tag is listed."""
        return True


ANY_TAG = AnyTag()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a caller requires of a write, and how a retry of it is recognised.

    if_match       ETags of which one must be current; None: no condition
    if_none_match  ETags of which none may be current; `ANY_TAG`: nothing may exist yet
    save_id        the caller's name for this write; a retry under the same name has no second effect
    """

    if_match: Collection[str] | None = None
    if_none_match: Set[str] = frozenset()
    save_id: str | None = None

    @property
    def only_new(self) -> bool:
        """True if nothing may exist yet."""
        return isinstance(self.if_none_match, AnyTag)


NO_CONDITIONS = Conditions()
