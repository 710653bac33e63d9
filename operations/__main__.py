"""`python -m operations <verb>`.

Exit status: 0 when it is done, 1 if it has found something, 2 for a wrong call, and 3 if it is not finished. Then
the same command goes on where it was.
"""

import asyncio
import logging
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from rich.console import Console
from rich.progress import Progress

from operations import copy, erase, export, owners, read_only, rename, verify
from operations.places import WrongCall, store
from operations.terminal import Terminal
from persistence.errors import PersistenceError
from persistence.faults import named

VERBS = {
    "owners": owners,
    "verify": verify,
    "copy": copy,
    "erase": erase,
    "export": export,
    "rename": rename,
    "read-only": read_only,
}
WRONG_CALL, NOT_FINISHED = 2, 3


def main(words: Sequence[str] | None = None) -> int:
    arguments = _arguments(words)
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
            terminal = Terminal(bars, as_json=arguments.json)
            status: int = asyncio.run(VERBS[arguments.verb].run(arguments, terminal))
            return status
    except WrongCall as error:
        print(f"{arguments.verb}: {error}", file=sys.stderr)
        return WRONG_CALL
    except (PersistenceError, OSError) as error:
        print(f"{arguments.verb}: not finished: {named(error)} {error}", file=sys.stderr)
        return NOT_FINISHED
    except KeyboardInterrupt:
        return NOT_FINISHED


def _arguments(words: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser("python -m operations", description="What an operator can do with a store.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    for name, verb in VERBS.items():
        command = verbs.add_parser(name, help=verb.HELP, description=verb.__doc__)
        command.add_argument("--json", action="store_true", help="print results as JSON, one object a line")
        flags = ("--from", "--store") if verb is copy else ("--store",)
        command.add_argument(
            *flags, dest="store", type=store, default=".data", help="a folder, or https://account/database"
        )
        command.add_argument("--calls-per-second", type=float, help="the most database calls a second")
        command.add_argument("--units-per-second", type=float, help="the most request units a second")
        verb.add_arguments(command)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
