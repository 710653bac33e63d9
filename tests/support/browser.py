"""A real browser without a window, for pages that have to stand by themselves."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass(frozen=True)
class Visit:
    """What the browser made of a page, and what the page asked for besides itself."""

    dom: str
    asked_for: frozenset[str]


def visit(url: str, folder: Path) -> Visit:
    """Opens a page in a profile of its own. Nothing but loopback can be reached from there."""
    assert CHROMIUM is not None, "no Chromium is installed"
    log = folder / "network.json"
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",  # which root cannot have; the page is our own
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={folder / 'profile'}",
            f"--log-net-log={log}",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    # The browser asks for things of its own accord, too: those have no origin.
    events = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    return Visit(done.stdout, frozenset(each["url"] for each in events if each.get("initiator") == origin))
