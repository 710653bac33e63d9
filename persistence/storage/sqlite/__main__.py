"""`python -m persistence.storage.sqlite backup|restore|compact`: what `make` runs for operators.

Exit codes: 0 when it is done, 1 if it is refused or fails: the last line on stderr is the reason. 2 for wrong
arguments, 130 after SIGINT.
"""

import sqlite3
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from persistence.storage.sqlite import operations


def main() -> int:
    arguments = _arguments()
    try:
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
            done = _run(arguments, Bars(bars))
    except (operations.Refused, sqlite3.Error, OSError) as error:
        print(f"{arguments.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(done)
    return 0


class Bars:
    """A progress bar for each thing that is done, one after the other."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._what, self._task = "", TaskID(0)

    def __call__(self, what: str, done: int, total: int | None) -> None:
        if what != self._what:
            self._what, self._task = what, self._bars.add_task(what, total=total)
        self._bars.update(self._task, completed=done, total=total)


def _run(arguments: Namespace, bars: Bars) -> str:
    """Returns what was done, as a sentence."""
    folder: Path = arguments.folder
    match arguments.command:
        case "backup":
            operations.back_up(folder, arguments.file, bars)
            return (
                f"The store in {folder} was copied to {arguments.file} ({_size(arguments.file.stat().st_size)})."
            )
        case "restore":
            kept = operations.restore(folder, arguments.file, bars)
            as_it_was = "" if kept is None else f" As it was before, it is kept in {kept} until you remove that."
            return f"The store in {folder} was restored from {arguments.file}.{as_it_was}"
        case _:
            before, after = operations.compact(folder, bars)
            return f"The store in {folder} has {_size(after)} now, and had {_size(before)}."


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


def _arguments() -> Namespace:
    parser = ArgumentParser("python -m persistence.storage.sqlite")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("backup", "restore", "compact"):
        command = commands.add_parser(name)
        command.add_argument("folder", type=Path, help="the folder of the store")
        if name != "compact":
            command.add_argument("file", type=Path, help="the backup")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
