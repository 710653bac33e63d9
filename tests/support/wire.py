"""The Cosmos DB server in memory (`tests/wire/server.js`), started and stopped from Python.

python -m tests.support.wire COMMAND...     runs a command on a new server, and stops the server after it
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

# Microsoft publishes this key for its emulator. The server in memory accepts any key.
EMULATOR_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


def missing() -> str | None:
    """Returns why the server cannot be started here. None if it can."""
    if NODE is None:
        return "Node is not installed: run `make setup`"
    if not (FOLDER / "node_modules").is_dir():
        return "the wire server is not installed: run `make setup`"
    return None


class WireServer:
    """A server with an empty account. It keeps everything in memory.

    The server watches its stdin, so it stops with the process that started it, however that ends. Its output goes
    to `log`, by default a temporary file. It writes a stack trace for every response with status 500.
    """

    process: subprocess.Popen[str]

    def __init__(self, port: int = 0, log: Path | None = None) -> None:
        self._port = port
        self._log_path = log
        self.endpoint = ""

    def start(self) -> Self:
        """Returns when the server accepts requests. Raises RuntimeError with its log if it does not start."""
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
            # Ctrl-C goes to the whole process group, but the server may still be needed.
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
        """The environment variables with which the app stores its data here."""
        return {
            "STORE_ENGINE": "cosmos",
            "AUTH_MODE": "local",
            "COSMOS_ENDPOINT": self.endpoint,
            "COSMOS_KEY": EMULATOR_KEY,
            "COSMOS_DATABASE": "savepoint",
            "COSMOS_ENDPOINT_DISCOVERY": "false",
        }

    def log(self) -> str:
        """Returns the output of the server so far."""
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
    """Runs the command on a new server and returns its exit status."""
    with WireServer() as server:
        process = subprocess.Popen(command, env=os.environ | server.settings)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                pass  # The command is interrupted too. Wait until it has ended.


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
