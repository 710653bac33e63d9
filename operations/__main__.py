"""`python -m operations <verb>`.

Exit status: 0 when it is done, 1 if it has found something, 2 for a wrong call, and 3 if it is not finished. Then
the same command goes on, or begins anew if it only reads.
"""

import asyncio
import logging
import sys
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from rich.console import Console
from rich.progress import Progress

from operations import copy, erase, export, owners, read_only, rename, verify
from operations.pace import limit
from operations.places import FILE, WrongCall, store
from operations.terminal import Terminal
from persistence.errors import PersistenceError

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
        print(f"{arguments.verb}: not finished: {_told(error)}", file=sys.stderr)
        return NOT_FINISHED
    except Exception:
        # Python's own status is that of a finding.
        traceback.print_exc()
        return NOT_FINISHED
    except KeyboardInterrupt:
        if VERBS[arguments.verb] is not read_only:  # which says how the store is left
            print(f"{arguments.verb}: not finished: interrupted. Repeat the command.", file=sys.stderr)
        return NOT_FINISHED


def _told(error: BaseException) -> str:
    """Returns the message of an error, with what its causes say to an operator."""
    cause = error.__cause__
    while cause is not None:
        # By name, because no driver is imported here.
        if any(each.__name__ == "ClientAuthenticationError" for each in type(cause).__mro__):
            return f"{error} Nobody is signed in who may use it: az login"
        if getattr(cause, "sqlite_errorname", "") == "SQLITE_NOTADB":
            return f"{error} {FILE} is not a database."
        cause = cause.__cause__
    return str(error)


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
        if verb is not read_only:
            command.add_argument("--calls-per-second", type=limit, help="the most calls a second of each store")
            command.add_argument("--units-per-second", type=limit, help="the most request units, likewise")
        verb.add_arguments(command)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
