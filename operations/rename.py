"""`rename --from --to`: gives everything of one owner id to another one. Only in read-only mode.

A killed run goes on with the same command. Idempotency keys are left behind: a retry of a create from before is a
new create.
"""

from argparse import ArgumentParser, Namespace
from typing import Literal

from operations.items import is_empty
from operations.pace import Paced
from operations.places import Place, WrongCall, owner
from operations.read_only import seconds_left
from operations.renamer import Renamer
from operations.terminal import Terminal
from persistence import stores_over
from persistence.documents import Document, derived_id
from persistence.errors import ItemNotFound
from persistence.read_only import Switch
from persistence.storage.containers import SESSIONS, TIMERS_PARTITION
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine

HELP = "give everything of one owner id to another one"
FOUND = 1


class RenameNote(Document):
    """A rename that is not finished."""

    kind: Literal["rename"] = "rename"
    owner_id: str = TIMERS_PARTITION
    old: str
    new: str


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--from", dest="old", type=owner, required=True, help="the owner id that it has")
    parser.add_argument("--to", dest="new", type=owner, required=True, help="the owner id that it gets")
    parser.add_argument("--yes", action="store_true", help="do it; without it, only say what both have")
    parser.add_argument("--merge", action="store_true", help="also if the new owner has something already")


async def run(arguments: Namespace, terminal: Terminal) -> int:
    place: Place = arguments.store
    note = RenameNote(id=f"rename-{derived_id(arguments.old)}", old=arguments.old, new=arguments.new)
    if note.old == note.new:
        raise WrongCall("both owner ids are the same")
    async with place.opened() as opened:
        await _check_nobody_writes(place, opened)
        engine = Paced(opened, arguments.calls_per_second, arguments.units_per_second)
        notes = DocumentSet(engine, SESSIONS, RenameNote)
        await _show(engine, terminal, note)
        await _check(engine, notes, note, is_allowed=arguments.merge)
        if not arguments.yes:
            raise WrongCall("nothing was renamed: it needs --yes")
        await notes.create_once(note)
        renamer = Renamer(engine, note.old, note.new)
        await renamer.run(terminal)
        await notes.discard(note.id, TIMERS_PARTITION)
    moved, left = renamer.renamed, len(renamer.left)
    terminal.result({"renamed": moved, "left": left}, f"{moved} items renamed, {left} left with {note.old}.")
    return FOUND if left else 0


async def _check_nobody_writes(place: Place, engine: Engine) -> None:
    """Raises WrongCall if a process may still write."""
    left = await seconds_left(place, Switch(engine))
    if left is None:
        raise WrongCall("first let nobody write: python -m operations read-only on")
    if left > 0:
        raise WrongCall(f"writes that had begun may still end: repeat this in {left:.0f} seconds")


async def _show(engine: Engine, terminal: Terminal, note: RenameNote) -> None:
    limits = stores_over(engine).limits
    for owner_id in (note.old, note.new):
        used = dict(await limits.usage(owner_id))
        terminal.result(
            {"owner": owner_id, **used}, f"{owner_id}: " + ", ".join(f"{n} {x}" for n, x in used.items())
        )


async def _check(engine: Engine, notes: DocumentSet[RenameNote], note: RenameNote, *, is_allowed: bool) -> None:
    """Raises WrongCall if this is not to be renamed. A run that goes on has been checked before."""
    try:
        begun = (await notes.read(note.id, TIMERS_PARTITION)).document
    except ItemNotFound:
        begun = None
    if begun is not None and begun.new != note.new:
        raise WrongCall(f"a rename to {begun.new} is not finished: repeat that one first")
    if begun is not None:
        return
    if await is_empty(engine, note.old):
        raise WrongCall(f"{note.old} has nothing here")
    if not is_allowed and not await is_empty(engine, note.new):
        raise WrongCall(f"{note.new} has something already: --merge puts both together")
