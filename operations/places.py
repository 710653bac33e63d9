"""Opens the stores that operators name."""

import asyncio
import os
from argparse import ArgumentTypeError
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from functions.identity.errors import Unauthenticated
from functions.identity.owner_id import owner_id
from persistence import damage_of, open_engine
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.engine import Engine

FILE = "savepoint.db"
CURE = "make compact makes its indexes again, or restore a backup"
_TIMEOUT_SECONDS = 60.0


class WrongCall(Exception):
    """The call cannot mean anything. The message is for its author."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is, as it was named. `longest_call_s` is the longest time that a call of a server can take."""

    text: str
    where: Path | CosmosAccount
    longest_call_s: float

    @classmethod
    def named(cls, text: str, key: str | None) -> "Place":
        """Raises WrongCall if the text names no store."""
        if "://" not in text:
            return cls(text, Path(text), 30.0)
        url = urlsplit(text)
        if url.query or url.fragment or url.username or url.password:
            raise WrongCall(f"{url.hostname}: keys do not belong into a URL; set COSMOS_KEY, or sign in")
        if key is not None and not _is_base64(key):
            raise WrongCall("COSMOS_KEY is not a key: it is no base64")
        account = CosmosAccount(
            endpoint=f"{url.scheme}://{url.netloc}",
            database=url.path.strip("/") or "savepoint",
            key=key,
            endpoint_discovery=not _is_local(url.hostname or ""),
            timeout_seconds=_TIMEOUT_SECONDS,
        )
        return cls(text, account, 230.0)

    @asynccontextmanager
    async def opened(self, *, create: bool = False) -> AsyncIterator[Engine]:
        """Opens the store, and closes it. Raises WrongCall if a folder has no store, unless it may be created."""
        if isinstance(self.where, Path) and not create and not (self.where / FILE).is_file():
            raise WrongCall(f"{self.where} has no {FILE}")
        engine = open_engine(self.where)
        try:
            yield engine
        finally:
            await engine.close()

    async def damage(self) -> str | None:
        """Returns what is wrong with the form or the indexes of an open file, and None if it is whole.

        Reads all of it. A damaged index hides items, so nothing is seen of them elsewhere.
        """
        if not isinstance(self.where, Path) or not (self.where / FILE).is_file():
            return None
        return await asyncio.to_thread(damage_of, self.where)


def store(text: str) -> Place:
    """Returns the place that an argument names, with the key of the environment if there is one."""
    try:
        return Place.named(text, os.environ.get("COSMOS_KEY"))
    except WrongCall as error:
        raise ArgumentTypeError(str(error)) from error


def owner(text: str) -> str:
    """Returns an owner id that an argument names. Raises ArgumentTypeError if the app would not take it."""
    try:
        return owner_id(text)
    except Unauthenticated as error:
        raise ArgumentTypeError("an owner id is 1 to 255 printable ASCII characters") from error


def _is_base64(key: str) -> bool:
    try:
        return bool(b64decode(key, validate=True))
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
