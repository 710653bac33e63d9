"""Runs a real `python -m devhost` process for tests that send requests to it, stop it or kill it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LISTENING = "Listening on "
# With these, a test would depend on the shell that starts it.
NOT_INHERITED = {"PORT", "HOST", "AUTH_MODE", "LOCAL_ORIGINS", "STORE_ENGINE", "PYTHONPATH"}


@dataclass(frozen=True)
class DevhostServer:
    """A devhost that listens. Its output goes to files, because a full pipe would block it."""

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
        """Sends the signal, waits for the end of the process and returns its exit code."""
        self.process.send_signal(signal_number)
        return self.process.wait(timeout=20)

    def press_ctrl_c_until_it_ends(self) -> int:
        """Sends SIGINT, and again after 5 s if nothing has happened, as a person does. Returns the exit code."""
        for _ in range(3):
            self.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(timeout=5)
        return self.stop(signal.SIGINT)

    def kill(self) -> None:
        """Sends SIGKILL and waits until the process has ended."""
        self.process.kill()
        self.process.wait(timeout=20)


@contextmanager
def run_devhost(cwd: Path, env: Mapping[str, str] | None = None, port: int = 0) -> Iterator[DevhostServer]:
    """Serves the function_app.py of `cwd`. Yields once devhost listens, and stops it at the end if it still runs.

    `env` is added to the environment of this process without NOT_INHERITED. Port 0 means any free port. Raises
    RuntimeError, with what devhost wrote to stderr, if it ends or does not listen within 20 s.
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
    """Returns what a devhost that refuses to start writes to stderr. Asserts that its exit code is 1."""
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
    """Starts `python -m devhost` in `cwd`, with its output in `folder`. Does not wait."""
    inherited = {key: value for key, value in os.environ.items() if key not in NOT_INHERITED}
    environment = {**inherited, "PORT": str(port), "PYTHONPATH": str(REPOSITORY), **(env or {})}
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "devhost"], cwd=cwd, env=environment, stdout=out, stderr=err
        )


def exchange(server: DevhostServer, request: bytes) -> bytes:
    """Sends the bytes and returns all that the server sends until it closes the connection."""
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
