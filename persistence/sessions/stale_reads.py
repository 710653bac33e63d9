"""Reads of a head for one commit. They detect a stale read, on a replica that lags behind."""

from collections.abc import Iterable

from persistence.documents import is_id
from persistence.errors import NotFound
from persistence.sessions.documents import SessionHead
from persistence.sessions.heads import SessionHeads
from persistence.storage.document_set import Versioned

_CLAIM_REREADS = 3


class HeadReads:
    """The reads of one session during one commit. `tags` are the ETags that the callers claim to have seen."""

    def __init__(self, heads: SessionHeads, owner_id: str, session_id: str, tags: Iterable[str]) -> None:
        self._heads, self._owner_id, self._session_id = heads, owner_id, session_id
        self._claimed = max(map(version_of, tags), default=0)
        self._seen = 0
        self._lost: set[str] = set()

    async def read(
        self, attempt: int, known: Versioned[SessionHead] | None = None
    ) -> Versioned[SessionHead] | None:
        """Returns the head, or `known` if that is as good as a read. Raises NotFound and CorruptItem. One read.

        Returns None if the read is stale: it is older than a version that was read before, than a replace that has
        failed, or than a claim. A claim is believed for three attempts.
        """
        current = known or await self._read(attempt)
        if current is None:
            return None
        version = current.document.metadata.version
        if version < self._seen or (self._is_claimed(attempt) and version < self._claimed):
            return None
        self._seen = version
        return current

    def lost(self, etag: str) -> None:
        """Notes that a replace under this etag has failed, so that a read that returns it is stale."""
        self._lost.add(etag)

    async def _read(self, attempt: int) -> Versioned[SessionHead] | None:
        try:
            current = await self._heads.read(self._owner_id, self._session_id)
        except NotFound:
            if is_id(self._session_id) and (self._lost or self._is_claimed(attempt)):
                return None
            raise
        return None if current.etag in self._lost else current

    def _is_claimed(self, attempt: int) -> bool:
        return self._claimed > 0 and attempt < _CLAIM_REREADS


def version_of(etag: str) -> int:
    """Returns the version in one of our own ETags, and 0 for any other text."""
    number, dash, _ = etag.strip('"').partition("-")
    return int(number) if dash and number.isascii() and number.isdigit() and len(number) < 16 else 0
