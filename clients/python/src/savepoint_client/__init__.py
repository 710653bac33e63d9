"""The save button for Python. See docs/python-client.md."""

from savepoint_client.document import Document
from savepoint_client.errors import (
    Conflict,
    Gone,
    NoRoom,
    NotFound,
    Offline,
    ReadOnly,
    Refused,
    SavepointError,
    SignedOut,
    TooLarge,
)
from savepoint_client.recovery import Claimed, Recoverable
from savepoint_client.saver import Saver
from savepoint_client.server import Server, connect
from savepoint_client.view import DocumentState

__all__ = [
    "Claimed",
    "Conflict",
    "Document",
    "DocumentState",
    "Gone",
    "NoRoom",
    "NotFound",
    "Offline",
    "ReadOnly",
    "Recoverable",
    "Refused",
    "SavepointError",
    "Saver",
    "Server",
    "SignedOut",
    "TooLarge",
    "connect",
]
