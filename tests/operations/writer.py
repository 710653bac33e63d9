"""A program that saves new sessions until its stdin is closed: python -m tests.operations.writer URL OWNER.

Writes a line for each response: its status, when it came, and the title. Titles are never used again.
"""

import sys
import threading
import time

import httpx

PAUSE_SECONDS = 0.05


def main(url: str, owner: str) -> None:
    is_over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=wait, daemon=True).start()
    number = 0
    with httpx.Client(base_url=url, headers={"X-User-Id": owner}, timeout=60, trust_env=False) as http:
        while not is_over.is_set():
            number += 1
            title = f"{owner}/{number}"
            body = {"title": title, "description": None, "content": title}
            status = http.post("/api/persistence/sessions", json=body).status_code
            # The clock of the machine, which all its processes share.
            print(status, time.monotonic(), title, flush=True)
            if status != 201:
                time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
