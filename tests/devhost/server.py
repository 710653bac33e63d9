"""A real `python -m devhost` in a process of its own, for tests that talk to it, stop it or kill it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LISTENING = "Listening on "
# What would make a test depend on the shell that it was started from.
NOT_INHERITED = {"PORT", "HOST", "AUTH_MODE", "LOCAL_ORIGINS", "STORE_ENGINE", "PYTHONPATH"}


@dataclass(frozen=True)
class DevhostServer:
    """A devhost that listens. What it writes goes to files, so no pipe can fill up and block it."""

    process: subprocess.Popen[bytes]
    base_url: str
    folder: Path

    @property
    def port(self) -> int:
        return int(self.base_url.rpartition(":")[2])

    def stdout(self) -> str:
        return (self.folder / "stdout").read_text()

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()

    def wait_until_it_says(self, line: str) -> None:
        """Returns once the line is on stdout. Raises TimeoutError after 20 s."""
        _wait_for(lambda: line in self.stdout().splitlines(), f"{line!r} on stdout")

    def wait_until_it_refuses_connections(self) -> None:
        """Returns once the listener is closed. Raises TimeoutError after 20 s."""
        _wait_for(lambda: not self._accepts_connections(), "the listener to close")

    def _accepts_connections(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Asks it to end and answers its exit code."""
        self.process.send_signal(signal_number)
        return self.process.wait(timeout=20)

    def kill(self) -> None:
        """Ends it with SIGKILL: nothing of it runs any more when this returns."""
        self.process.kill()
        self.process.wait(timeout=20)


@contextmanager
def run_devhost(cwd: Path, env: Mapping[str, str] | None = None, port: int = 0) -> Iterator[DevhostServer]:
    """Serves the function_app.py of `cwd` and yields once it listens; stops it at the end, if it still runs.

    `env` is added to this process's environment, less the settings that a test must choose itself. Port 0
    takes any free one. RuntimeError with what it wrote where it ends, or says nothing for 20 s.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = start(cwd, env, folder, port)
        try:
            yield DevhostServer(process, _wait_until_listening(process, folder), folder)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def refused_start(cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a devhost that must not start writes to stderr. AssertionError where its exit code is not 1."""
    with tempfile.TemporaryDirectory() as name:
        process = start(cwd, env, Path(name), port=0)
        try:
            code = process.wait(timeout=20)
        finally:
            process.kill()
            process.wait()
        written = (Path(name) / "stderr").read_text()
        assert code == 1, (code, written)
        return written


def start(cwd: Path, env: Mapping[str, str] | None, folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Starts `python -m devhost` in `cwd` with its output in `folder`, and waits for nothing."""
    inherited = {key: value for key, value in os.environ.items() if key not in NOT_INHERITED}
    environment = {**inherited, "PORT": str(port), "PYTHONPATH": str(REPOSITORY), **(env or {})}
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "devhost"], cwd=cwd, env=environment, stdout=out, stderr=err
        )


def exchange(server: DevhostServer, request: bytes) -> bytes:
    """Sends these bytes and answers all that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        received = bytearray()
        while chunk := connection.recv(65536):
            received += chunk
        return bytes(received)


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited 20 s for {what}")
        time.sleep(0.02)


def _wait_until_listening(process: subprocess.Popen[bytes], folder: Path) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for line in (folder / "stdout").read_text().splitlines(keepends=True):
            if line.startswith(LISTENING) and line.endswith("\n"):
                return line.removeprefix(LISTENING).strip()
        if process.poll() is not None:
            break
        time.sleep(0.02)
    written = (folder / "stderr").read_text()
    raise RuntimeError(f"devhost did not listen (exit code {process.poll()}):\n{written}")
