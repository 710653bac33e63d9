"""Measures the Python client beside what people do instead: `python -m benchmarks.python_client`.

A dashboard edits one number of its state, 20 times a second. `pickle` writes the whole state to a file after each
edit, as is done with the session state of Streamlit. `put` sends the whole state after each edit, as is done with
the client of an HTTP store and a save button. Then the process is killed.

It needs clients/python/src in PYTHONPATH: `make bench` sets that.
"""

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx2
from savepoint_client import connect

from benchmarks.states import State, states
from tests.devhost.server import REPOSITORY, run_devhost

SUBJECTS = ("savepoint", "pickle", "put")
PAUSE_SECONDS = 0.05
EDITED = '{"edit": %d, "state": %s}'


@dataclass(frozen=True)
class Figure:
    """`edit_ms` is the time that an edit takes in the app. `lost` are edits that nobody has after the kill."""

    subject: str
    size: str
    edit_ms: float
    slowest_ms: float
    sent_bytes: float
    lost: float


def edits(subject: str, url: str, folder: Path, state: str) -> None:
    """Runs until it is killed. Prints each edit: its number, its time, and the bytes sent until then."""
    work, sent = _SUBJECTS[subject](url, folder)
    number = 0
    while True:
        number += 1
        text = EDITED % (number, state)
        before = time.perf_counter()
        work(text)
        print(number, time.perf_counter() - before, sent(), flush=True)
        time.sleep(PAUSE_SECONDS)


Subject = tuple[Callable[[str], object], Callable[[], int]]


def _savepoint(url: str, folder: Path) -> Subject:
    sizes = list[int]()
    server = connect(url, headers={"X-User-Id": "savepoint"}, journal_dir=folder)
    server.saver.client.event_hooks["request"].append(
        lambda request: sizes.append(int(request.headers.get("Content-Length", 0)))
    )
    document = server.open(title="Benchmark", media_type="application/json", wait=2, max_wait=2)
    return document.changed, lambda: sum(sizes)


def _pickle(url: str, folder: Path) -> Subject:
    def write(text: str) -> None:
        (folder / "state.pickle").write_bytes(pickle.dumps({"state": text}))

    return write, lambda: 0


def _put(url: str, folder: Path) -> Subject:
    client = httpx2.Client(headers={"X-User-Id": "put"})
    made = client.post(f"{url}/sessions", json={"title": "Benchmark", "description": None, "content": ""}).json()
    sizes = list[int]()

    def put(text: str) -> None:
        response = client.put(f"{url}/sessions/{made}", json={"content": text})
        sizes.append(int(response.request.headers["Content-Length"]))
        response.raise_for_status()

    return put, lambda: sum(sizes)


_SUBJECTS = {"savepoint": _savepoint, "pickle": _pickle, "put": _put}


def kept(subject: str, url: str, folder: Path) -> int:
    """Returns the number of the newest edit that is anywhere."""
    if subject == "pickle":
        try:
            text = pickle.loads((folder / "state.pickle").read_bytes())["state"]
        except (EOFError, pickle.UnpicklingError):
            return 0  # it was cut while it was written
        return int(json.loads(text)["edit"])
    with connect(url, headers={"X-User-Id": subject}, journal_dir=folder) as server:
        texts = [each.content for each in server.recoverable()]
        texts += [server.drafts.get(each.id).content for each in server.drafts.list()]
        texts += [server.sessions.get(each.id).content for each in server.sessions.list()]
        for left in server.recoverable():
            server.set_aside(left)
        server.sessions.remove_many([each.id for each in [*server.sessions.list(), *server.drafts.list()]])
    return max((int(json.loads(text)["edit"]) for text in texts if text), default=0)


def measured(subject: str, state: State, url: str, folder: Path, count: int, rounds: int) -> Figure:
    times, lost, sent = list[float](), list[int](), list[float]()
    for number in range(rounds):
        home = folder / f"{subject}-{state.key}-{number}"
        home.mkdir()
        (home / "content.json").write_text(state.content if _is_json(state.content) else json.dumps(state.content))
        line = [sys.executable, "-m", "benchmarks.python_client", "--subject", subject, url, str(home)]
        with subprocess.Popen(line, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            said = [process.stdout.readline().split() for _ in range(count + 7 * number)]
            process.kill()
            said += [each.split() for each in process.stdout.read().splitlines() if len(each.split()) == 3]
        times += [float(each[1]) * 1000 for each in said]
        sent.append(float(said[-1][2]) / len(said))
        lost.append(max(0, int(said[-1][0]) - kept(subject, url, home)))
    return Figure(subject, state.label, median(times), max(times), median(sent), median(lost))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def table(figures: Sequence[Figure]) -> str:
    lines = [
        "| Size | | an edit, ms | the slowest, ms | bytes sent for an edit | edits lost in a kill |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {each.size} | {each.subject} | {each.edit_ms:.1f} | {each.slowest_ms:.0f} | {each.sent_bytes:,.0f} "
        f"| {each.lost:.0f} |"
        for each in figures
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.python_client")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--subject", nargs=3, metavar=("NAME", "URL", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.subject:
        name, url, folder = given.subject
        return edits(name, url, Path(folder), (Path(folder) / "content.json").read_text())
    count, rounds, sizes = (12, 1, states()[:1]) if given.quick else (60, 3, states())
    with tempfile.TemporaryDirectory() as name:
        environ = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "DATA_DIR": f"{name}/data"}
        with run_devhost(REPOSITORY, environ) as server:
            url = f"{server.base_url}/api/persistence"
            figures = [
                measured(subject, state, url, Path(name), count, rounds) for state in sizes for subject in SUBJECTS
            ]
    print(table(figures))


if __name__ == "__main__":
    main()
