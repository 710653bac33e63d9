"""The command `savepoint-client`: `export` to a file, `import` from one, with a progress bar."""

import argparse
import os
import sys
from collections.abc import Sequence

from savepoint_client.account import Progress
from savepoint_client.errors import SavepointError
from savepoint_client.server import connect

try:
    from tqdm import tqdm
except ImportError:  # then there is no bar
    tqdm = None


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    headers = dict(each.split("=", 1) for each in options.header)
    token = os.environ.get("SAVEPOINT_TOKEN")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with connect(options.base_url, headers=headers) as server:
        try:
            if options.command == "export":
                size = server.account.export(options.file, options.session, _bar())
                print(f"{size} bytes in {options.file}")
                return 0
            total = os.path.getsize(options.file)
            done = server.account.import_(options.file, options.import_id, options.mode, _bar(total))
        except (SavepointError, OSError) as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 1
    print(f"{done.imported} imported, {done.skipped} skipped, {done.refused} refused")
    for line in done.problems:
        print(f"line {line.line}: {line.detail}", file=sys.stderr)
    return 1 if done.refused else 0


def _bar(total: int | None = None) -> Progress | None:
    """Returns what moves a bar on the terminal, by bytes."""
    if tqdm is None:
        return None
    bar = tqdm(total=total, unit="B", unit_scale=True)

    def move(size: int, lines: int) -> None:
        bar.set_postfix(lines=lines, refresh=False)
        bar.update(size - bar.n)
        if size == total:
            bar.close()

    return move


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
        each.add_argument("--header", action="append", default=[], metavar="NAME=VALUE", help="of each request")
    return parser
