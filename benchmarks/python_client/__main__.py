"""Measures the Python client beside what people do instead: `python -m benchmarks.python_client`.

A dashboard edits one number of its state, 20 times a second. `pickle` writes the whole state to a file after each
edit, as is done with the session state of Streamlit. `put` sends the whole state after each edit, as is done with
the client of an HTTP store. `kinto` saves by `kinto-http` to a server of Kinto once in 20 edits, as with a save
button. Then the process is killed.

It needs clients/python/src in PYTHONPATH, and Kinto in .venv-kinto: `make bench` sees to both.
"""

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from savepoint_client import connect

from benchmarks.python_client import kinto
from benchmarks.states import State, states
from tests.devhost.server import REPOSITORY, run_devhost

SUBJECTS = ("savepoint", "pickle", "put", "kinto")


@dataclass(frozen=True)
class Figure:
    """`edit_ms` is the time that an edit takes in the app. `lost` are edits that nobody has after the kill."""

    subject: str
    size: str
    edit_ms: float
    slowest_ms: float
    sent_bytes: float
    lost: float


def kept(subject: str, url: str, folder: Path) -> int:
    """Returns the number of the newest edit that is anywhere."""
    if subject == "pickle":
        try:
            text = pickle.loads((folder / "state.pickle").read_bytes())["state"]
        except (EOFError, pickle.UnpicklingError):
            return 0  # it was cut while it was written
        return int(json.loads(text)["edit"])
    if subject == "kinto":
        return int(json.loads(kinto.text_of(url, folder) or '{"edit": 0}')["edit"])
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
        python = str(kinto.FOLDER / "python") if subject == "kinto" else sys.executable
        line = [python, "-m", "benchmarks.python_client.editing", subject, url, str(home)]
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
    count, rounds, sizes = (12, 1, states()[:1]) if parser.parse_args().quick else (60, 3, states())
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        urls = _urls(stack, Path(name))
        figures = [
            measured(subject, state, urls[subject], Path(name), count, rounds)
            for state in sizes
            for subject in SUBJECTS
            if subject in urls
        ]
    print(table(figures))


def _urls(stack: ExitStack, folder: Path) -> Mapping[str, str]:
    """Starts the servers. Returns where each subject saves."""
    environ = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "DATA_DIR": str(folder / "data")}
    url = f"{stack.enter_context(run_devhost(REPOSITORY, environ)).base_url}/api/persistence"
    urls = {subject: url for subject in SUBJECTS if subject != "kinto"}
    if kinto.is_installed():
        return {**urls, "kinto": stack.enter_context(kinto.serving(folder))}
    print("Kinto is left out: make .venv-kinto/ready installs it.", file=sys.stderr)
    return urls


if __name__ == "__main__":
    main()
