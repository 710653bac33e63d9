"""The Cosmos DB server in memory (`tests/wire/server.js`), started and stopped from Python.

python -m tests.support.wire COMMAND...     runs a command on a fresh server, which ends with it
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.node import NODE

FOLDER = Path(__file__).resolve().parents[1] / "wire"

# Published by Microsoft for its emulator, the same for everybody. The server in memory takes any key.
EMULATOR_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


def missing() -> str | None:
    """Why the server cannot be started here, or None where it can."""
    if NODE is None:
        return "Node is not installed: run `make setup`"
    if not (FOLDER / "node_modules").is_dir():
        return "the wire server is not installed: run `make setup`"
    return None


class WireServer:
    """An empty account of its own; everything in it is gone when it stops.

    The server ends with the process that started it, however that ends, because it watches its stdin.
    What it writes (a stack for every answer of 500) goes to `log`, a temporary file unless one is named.
    """

    process: subprocess.Popen[str]

    def __init__(self, port: int = 0, log: Path | None = None) -> None:
        self._port = port
        self._log_path = log
        self.endpoint = ""

    def start(self) -> Self:
        """Return when the server takes requests; RuntimeError with its log when it did not come up."""
        reason = missing()
        if reason:
            raise RuntimeError(reason)
        assert NODE is not None
        self._log = self._log_path.open("w+") if self._log_path else tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [NODE, "server.js", str(self._port)],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            # An interrupt at the keyboard reaches the whole group; whoever uses the server may still need it.
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            log = self.log()
            self.stop()
            raise RuntimeError(f"the wire server did not start:\n{log}")
        self.endpoint = f"http://127.0.0.1:{json.loads(line)['port']}"
        return self

    @property
    def settings(self) -> dict[str, str]:
        """The environment in which the app stores its data here."""
        return {
            "STORE_ENGINE": "cosmos",
            "AUTH_MODE": "local",
            "COSMOS_ENDPOINT": self.endpoint,
            "COSMOS_KEY": EMULATOR_KEY,
            "COSMOS_DATABASE": "savepoint",
            "COSMOS_ENDPOINT_DISCOVERY": "false",
        }

    def log(self) -> str:
        """What the server has written so far."""
        self._log.flush()
        position = self._log.tell()
        self._log.seek(0)
        text = self._log.read()
        self._log.seek(position)
        return text

    def stop(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._log.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def run(command: list[str]) -> int:
    """The command's own exit status."""
    with WireServer() as server:
        process = subprocess.Popen(command, env=os.environ | server.settings)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                pass  # The command was interrupted too, and ends in its own time.


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
