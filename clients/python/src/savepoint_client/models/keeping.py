"""Keeps an instance that could not be sent in the journal. `recover` sends it."""

from typing import TYPE_CHECKING

from savepoint_client.events import Edited
from savepoint_client.model import Base, Config, State
from savepoint_client.opening import Options
from savepoint_client.steps import base_of

if TYPE_CHECKING:
    from savepoint_client.models.saving import Models, Written

SECONDS = 1.0


def keep(by: "Models", one: "Written") -> None:
    server, metadata = by.server, by.known(one.id)
    base: Base | None = base_of(metadata) if metadata else None
    config = Config()
    state = State(
        config, one.id, server.new_id() + server.new_id(), kind="active" if base else "new", title=one.title,
        base=base, snapped=0, promote=base is None, seen=base.version if base else 0,
    )  # fmt: skip
    document = server.document(state, server.owner(), None, Options(config, None, None, "application/json"))
    document.dispatch(Edited(one.text))
    by.doubt(one.id)
    document.close(timeout=SECONDS)
    if older := by.kept.pop(one.id, None):
        server.journal.remove(document.owner, one.id, older)
    if document.state.dirty:
        by.kept[one.id] = document.instance
