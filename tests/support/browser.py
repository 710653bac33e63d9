"""A headless browser, for pages that must load nothing from elsewhere."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

# The popups of the address bar take a process for each window, and half of its time. The last list of features
# counts, so this one repeats what Playwright turns off.
NOT_NEEDED = (
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "OptimizationHints,NetworkTimeServiceQuerying,PreconnectToSearch"
)
ARGUMENTS = [
    "--no-sandbox",  # root cannot use the sandbox, and the pages are our own
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    f"--disable-features={NOT_NEEDED}",
]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass(frozen=True)
class Visit:
    """The DOM of a page, and the URLs that the page requested."""

    dom: str
    asked_for: frozenset[str]


def visit(url: str, folder: Path) -> Visit:
    """Opens a page in a new profile. Only 127.0.0.1 can be reached."""
    assert CHROMIUM is not None, "no Chromium is installed"
    log = folder / "network.json"
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            *ARGUMENTS,
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
    # The browser's own requests have no initiator.
    events = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    return Visit(done.stdout, frozenset(each["url"] for each in events if each.get("initiator") == origin))
