"""The command `savepoint-client`: `export` to a file, `import` from one, with a progress bar."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from savepoint_client.account import Progress
from savepoint_client.errors import SavepointError
from savepoint_client.server import connect

try:
    from tqdm import tqdm
except ImportError:  # then there is no bar
    tqdm = None


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    headers = dict(options.header)
    token = os.environ.get("SAVEPOINT_TOKEN")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with connect(options.base_url, headers=headers) as server:
        import_id = getattr(options, "import_id", None) or server.new_id()
        try:
            if options.command == "export":
                with _bar() as move:
                    size = server.account.export(options.file, options.session, move)
                print(f"{size} bytes in {options.file}")
                return 0
            with _bar(os.path.getsize(options.file)) as move:
                done = server.account.import_(options.file, import_id, options.mode, move)
        except (SavepointError, OSError) as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            if options.command == "import":
                print(f"To go on, repeat it with --import-id={import_id}", file=sys.stderr)
            return 1
    print(f"{done.imported} imported, {done.skipped} skipped, {done.refused} refused")
    for line in done.problems:
        print(f"line {line.line}: {line.detail}", file=sys.stderr)
    return 1 if done.refused else 0


@contextmanager
def _bar(total: int | None = None) -> Iterator[Progress | None]:
    """Yields what moves a bar on the terminal, by bytes."""
    if tqdm is None:
        yield None
        return
    with tqdm(total=total, unit="B", unit_scale=True) as bar:

        def move(size: int, lines: int) -> None:
            bar.set_postfix(lines=lines, refresh=False)
            bar.update(size - bar.n)

        yield move


def _header(given: str) -> tuple[str, str]:
    name, is_there, value = given.partition("=")
    if not is_there:
        raise argparse.ArgumentTypeError(f"{given!r} is not NAME=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="savepoint-client", description="The token is read of SAVEPOINT_TOKEN.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write everything of a person to a file")
    export.add_argument("--session", help="the id of one session, instead of everything")
    take = commands.add_parser("import", help="read such a file; repeats with the same --import-id do no harm")
    take.add_argument("--import-id", help="12 characters; the default is random")
    take.add_argument("--mode", choices=["copy", "skip", "replace"], default="copy")
    for each in (export, take):
        each.add_argument("base_url", help="where the API is: ends in /api/persistence")
        each.add_argument("file")
        each.add_argument(
            "--header", action="append", default=[], metavar="NAME=VALUE", type=_header, help="of each request"
        )
    return parser
