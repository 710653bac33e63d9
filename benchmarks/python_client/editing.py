"""A dashboard that edits one number of its state until it is killed: `python -m benchmarks.python_client.editing`.

It runs in the environment of its subject. So each subject imports what it needs by itself.
"""

import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAUSE_SECONDS = 0.05
EDITS_UNTIL_SAVED = 20
"""As somebody who presses a button once in a second."""
EDITED = '{"edit": %d, "state": %s}'

Subject = tuple[Callable[[str], object], Callable[[], int]]
"""What an edit does, and how many bytes were sent until now."""


def edits(subject: Subject, state: str) -> None:
    """Prints each edit: its number, its time, and the bytes sent until then."""
    work, sent = subject
    number = 0
    while True:
        number += 1
        text = EDITED % (number, state)
        before = time.perf_counter()
        work(text)
        print(number, time.perf_counter() - before, sent(), flush=True)
        time.sleep(PAUSE_SECONDS)


def _savepoint(url: str, folder: Path) -> Subject:
    from savepoint_client import connect

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
    import httpx2

    client = httpx2.Client(headers={"X-User-Id": "put"})
    made = client.post(f"{url}/sessions", json={"title": "Benchmark", "description": None, "content": ""}).json()
    sizes = list[int]()

    def put(text: str) -> None:
        response = client.put(f"{url}/sessions/{made}", json={"content": text})
        sizes.append(int(response.request.headers["Content-Length"]))
        response.raise_for_status()

    return put, lambda: sum(sizes)


def _kinto(url: str, folder: Path) -> Subject:
    from kinto_http import Client  # type: ignore[import-not-found]
    from requests.auth import HTTPBasicAuth

    sizes, count = list[int](), iter(range(1, sys.maxsize))

    class Counted(HTTPBasicAuth):
        def __call__(self, request: Any) -> Any:
            sizes.append(len(request.body or b""))
            return super().__call__(request)

    client = Client(server_url=url, auth=Counted("kinto", ""), bucket=folder.name, collection="states")
    client.create_bucket(id=folder.name)
    client.create_collection(id="states")

    def edit(text: str) -> None:
        if next(count) % EDITS_UNTIL_SAVED == 0:
            client.update_record(id="state", data={"text": text})

    return edit, lambda: sum(sizes)


_SUBJECTS = {"savepoint": _savepoint, "pickle": _pickle, "put": _put, "kinto": _kinto}


if __name__ == "__main__":
    name, url, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    edits(_SUBJECTS[name](url, folder), (folder / "content.json").read_text())
