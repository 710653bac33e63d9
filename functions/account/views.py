"""What a person is told about everything that they store. The kinds bring the properties of the models."""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

from pydantic import BaseModel, Field, create_model

from functions.sessions.views import RevisionMetadata, WireModel, session_metadata
from functions.snapshots.views import access_log, snapshot_metadata
from persistence.kind import Kind
from persistence.sessions.documents import Revision, SessionHead
from persistence.snapshots.documents import AccessLog, Snapshot

_STORED_BYTES = "Bytes of UTF-8 of all current contents. Older versions are not counted."


def usage_model(kinds: Sequence[Kind]) -> type[BaseModel]:
    """Makes `UsageAndLimits`: a number for everything that is counted, and the stored bytes."""
    numbers = {one.name: one.description for kind in kinds for one in kind.counted}
    amounts = _model(
        "Amounts",
        "Numbers of things, and bytes. In `limits`, 0 is no limit.",
        _numbers({**numbers, "stored_bytes": _STORED_BYTES}),
    )
    return _model(
        "UsageAndLimits",
        "How much I store, and how much I may store.",
        {
            "used": (amounts, Field(description="How much I store.")),
            "limits": (amounts, Field(description="How much I may store. 0 is no limit.")),
        },
    )


def erasure_model(kinds: Sequence[Kind]) -> type[BaseModel]:
    """Makes `Erasure`: a number for everything whose erasure is counted."""
    erasures = [kind.erase for kind in kinds if kind.erase is not None]
    numbers = {name: text for erase in erasures for name, text in erase.counts.items()}
    done = Field(description="False if something is left. Repeat the same call then.")
    return _model("Erasure", "What this call removed.", {**_numbers(numbers), "done": (bool, done)})


def _numbers(described: Mapping[str, str]) -> dict[str, Any]:
    return {name: (int, Field(description=text)) for name, text in described.items()}


def _model(name: str, doc: str, fields: Mapping[str, Any]) -> type[BaseModel]:
    return create_model(name, __base__=WireModel, __doc__=doc, **fields)


@singledispatch
def view_of(document: object) -> BaseModel:
    """The wire's form of a document. Packages register theirs."""
    raise TypeError(f"{type(document).__name__} has no view")


view_of.register(SessionHead, session_metadata)
view_of.register(Revision, RevisionMetadata.model_validate)
view_of.register(Snapshot, snapshot_metadata)
view_of.register(AccessLog, access_log)
