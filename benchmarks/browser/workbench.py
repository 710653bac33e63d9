"""Measures how soon the workbench can be used, with few sessions and with 10,000.

`python -m benchmarks.browser.workbench`. Each opening is by a browser that has never been there.
"""

import argparse
import sys
import tempfile
import time
from statistics import median

import httpx
from playwright.sync_api import Playwright, sync_playwright

from tests.devhost.server import REPOSITORY, run_devhost
from tests.support.browser import CHROMIUM

AT_ONCE = 40
ROWS = "() => document.querySelector('savepoint-open')?.shadowRoot.querySelector('[data-row]')"


def seed(origin: str, person: str, count: int) -> None:
    """Saves that many sessions of a person."""
    with httpx.Client(base_url=origin, headers={"X-User-Id": person}, trust_env=False) as client:
        for start in range(0, count, AT_ONCE):
            items = [
                {"op": "create", "id": f"bench-{number:06d}", "title": f"Number {number}", "content": "x"}
                for number in range(start, min(start + AT_ONCE, count))
            ]
            body = {"mode": "independent", "items": items}
            client.post("/api/persistence/sync", json=body).raise_for_status()


def opening(playwright: Playwright, origin: str, person: str) -> tuple[float, float]:
    """Returns the milliseconds until the first rows are visible, and from a click to the next page."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    page = browser.new_page()
    page.add_init_script(f"sessionStorage.setItem('savepoint:person', {person!r})")
    started = time.perf_counter()
    page.goto(f"{origin}/api/workbench", wait_until="commit")
    page.wait_for_function(ROWS)
    first = time.perf_counter() - started
    listed = page.locator("savepoint-open")
    turn = 0.0
    if listed.get_by_role("button", name="Next page").is_enabled():
        started = time.perf_counter()
        listed.get_by_role("button", name="Next page").click()
        listed.get_by_text("51 to ").wait_for()
        turn = time.perf_counter() - started
    browser.close()
    return first * 1000, turn * 1000


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="run for seconds only; the figures mean little")
    quick = parser.parse_args().quick
    rounds, many = (1, 100) if quick else (9, 10_000)
    print("| sessions | first rows, ms | next page, ms |\n|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        environ = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "DATA_DIR": folder}
        with run_devhost(REPOSITORY, environ) as server:
            for count in (60, many):
                person = f"person-{count}"
                seed(server.base_url, person, count)
                found = [opening(playwright, server.base_url, person) for _ in range(rounds)]
                first, turn = (sorted(each) for each in zip(*found, strict=True))
                print(f"| {count:,} | {first[0]:.0f} ({median(first):.0f}) | {turn[0]:.0f} ({median(turn):.0f}) |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
