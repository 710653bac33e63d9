"""The two servers: the real app, and the bare app or another checkout's, each with its own copy of the data."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copy

from benchmarks.client import connect, encoded
from benchmarks.measure import Failed, Server, Side, first_response
from benchmarks.requests import Operation
from persistence.storage.cosmos.provision import provision
from settings import Settings
from tests.devhost.server import REPOSITORY, run_devhost
from tests.support.wire import WireServer

NEVER = "0 0 0 29 2 *"
"""A schedule that is never due during a measurement."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Both servers. `limited` has the data of the real one, and limits per person."""

    real: Server
    other: Server
    limited: Server | None = None


@dataclass(frozen=True, slots=True)
class Databases:
    """The settings that name the database of each server."""

    real: dict[str, str]
    other: dict[str, str]


def in_folders(folder: Path) -> Databases:
    """Returns two SQLite files, of which the second does not exist yet."""
    common = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local"}
    return Databases(
        common | {"DATA_DIR": str(folder / "real-data")}, common | {"DATA_DIR": str(folder / "other-data")}
    )


async def over_the_wire(stack: ExitStack) -> Databases:
    """Starts a Cosmos DB server in memory for each side, with empty containers. `stack` stops them."""
    one, other = (stack.enter_context(WireServer()).settings for _ in range(2))
    for settings in (one, other):
        await provision(Settings.from_environ(settings).cosmos_account())
    return Databases(one, other)


@contextmanager
def served(
    folder: Path,
    databases: Databases,
    keep_revisions: int,
    against: Path | None = None,
    limits: Mapping[str, str] | None = None,
) -> Iterator[Servers]:
    """Runs both servers within the `with` block. `folder` is a temporary folder. The other server runs the app of
    the checkout `against`, or the bare app. With `limits`, a third one runs."""
    settings = {
        "SNAPSHOT_OPENS_PER_MINUTE": "0",
        "HOST": "127.0.0.1",
        "KEEP_REVISIONS": str(keep_revisions),
        "EXPOSE_CHARGE": "false",
        "CLEANUP_SCHEDULE": NEVER,
        "PURGE_SCHEDULE": NEVER,
    }
    with ExitStack() as stack:

        def run(root: Path, of_server: dict[str, str]) -> Server:
            host = stack.enter_context(run_devhost(root, settings | of_server))
            return Server(host.port, host.process.pid)

        yield Servers(
            run(REPOSITORY, databases.real),
            run(against or _bare(folder), databases.other),
            None if limits is None else run(REPOSITORY, databases.real | dict(limits)),
        )


async def record(servers: Servers, operations: Sequence[Operation]) -> None:
    """Records responses of the real app in the bare app."""
    for operation in operations:
        body = await first_response(Side(operation, servers.real))
        connection = await connect(servers.other.port)
        try:
            response = await connection.send(encoded("PUT", f"/api/recorded/{operation.recorded}", {}, body))
        finally:
            connection.close()
        if response.status != 204:
            raise Failed(f"the bare app refuses the response of {operation.name}: {response.status}")


def _bare(folder: Path) -> Path:
    """Copies the bare app to a folder, with the settings of this host, so that the host costs both the same."""
    bare = folder / "bare"
    bare.mkdir()
    copy(Path(__file__).parent / "bare" / "function_app.py", bare)
    for name in ("host.json", "local.settings.json", "local.settings.sample.json"):
        if (REPOSITORY / name).is_file():
            copy(REPOSITORY / name, bare)
    return bare
