"""The two servers: the real app, and the bare app or another checkout's, each with its own copy of the data."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copy

from benchmarks.client import connect, encoded
from benchmarks.measure import Failed, Server, Side, first_response
from benchmarks.requests import Operation
from tests.devhost.server import REPOSITORY, run_devhost

NEVER = "0 0 0 29 2 *"
"""A schedule that is never due during a measurement."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Both servers."""

    real: Server
    other: Server


@contextmanager
def served(
    folder: Path, real_data: Path, other_data: Path, keep_revisions: int, against: Path | None = None
) -> Iterator[Servers]:
    """Runs both servers within the `with` block. `folder` is a temporary folder. The other server runs the app of
    the checkout `against`, or the bare app."""
    settings = {
        "STORE_ENGINE": "sqlite",
        "AUTH_MODE": "local",
        "SNAPSHOT_OPENS_PER_MINUTE": "0",
        "HOST": "127.0.0.1",
        "KEEP_REVISIONS": str(keep_revisions),
        "EXPOSE_CHARGE": "false",
        "CLEANUP_SCHEDULE": NEVER,
        "PURGE_SCHEDULE": NEVER,
    }
    with (
        run_devhost(REPOSITORY, settings | _data(real_data)) as one,
        run_devhost(against or _bare(folder), settings | _data(other_data)) as other,
    ):
        yield Servers(Server(one.port, one.process.pid), Server(other.port, other.process.pid))


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


def _data(folder: Path) -> dict[str, str]:
    return {"DATA_DIR": str(folder)}
