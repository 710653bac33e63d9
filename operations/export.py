"""`export --owner`: everything of one person as lines of JSON, as the person gets it from `GET /export`."""

import os
from argparse import ArgumentParser, Namespace
from contextlib import aclosing
from pathlib import Path

import orjson

from functions.account.views import export_line
from operations.items import is_empty
from operations.pace import Paced
from operations.places import Place, WrongCall, owner
from operations.terminal import Terminal
from persistence import stores_over
from persistence.account.export import export

HELP = "write everything of one person into a file"
FOUND_DAMAGE = 1


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--owner", type=owner, required=True, help="the owner id")
    parser.add_argument("--to", type=Path, required=True, help="a new file")


async def run(arguments: Namespace, terminal: Terminal) -> int:
    """The file gets its name when it is whole."""
    place: Place = arguments.store
    file: Path = arguments.to
    if file.exists():
        raise WrongCall(f"{file} exists")
    unfinished = file.with_name(f"{file.name}.unfinished")
    lines = damaged = 0
    async with place.opened() as opened:
        stores = stores_over(Paced(opened, arguments.calls_per_second, arguments.units_per_second))
        if await is_empty(stores.engine, arguments.owner):
            raise WrongCall(f"{arguments.owner} has nothing here")
        # Readable by its user only.
        with open(unfinished, "wb", opener=_private) as written:
            async with aclosing(export(stores.kinds, arguments.owner)) as exported:
                async for one, cursor in exported:
                    written.write(orjson.dumps(export_line(one, cursor).value) + b"\n")
                    lines, damaged = lines + 1, damaged + one.unreadable
                    terminal.progress("Writing", lines)
    unfinished.replace(file)
    terminal.result({"lines": lines, "damaged": damaged}, f"{lines} lines, {damaged} of them of what is damaged.")
    return FOUND_DAMAGE if damaged else 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
