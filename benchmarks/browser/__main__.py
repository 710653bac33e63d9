"""Measures the browser module in Chromium beside two others: `python -m benchmarks.browser`.

y-indexeddb with Yjs keeps changes of a text, and idb-keyval the whole text. Neither sends anything to a server.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Page, Request, sync_playwright

from benchmarks.states import State, states
from tests.devhost.server import REPOSITORY, run_devhost
from tests.support.browser import CHROMIUM
from tests.support.node import NODE

HERE = Path(__file__).resolve().parent
MODULE = REPOSITORY / "clients" / "browser"
SUBJECTS = ("savepoint", "y-indexeddb", "idb-keyval")
FIGURES = {
    "edit": "an edit, told, ms",
    "task": "longest task until it is kept, ms",
    "hide": "longest task when hidden, ms",
    "sent": "bytes to send",
}
PAGE = '<!doctype html><title>Benchmark</title><script type="module" src="/subjects.js"></script>'

Figures = Mapping[str, Sequence[float]]


def bundled() -> str:
    """Returns the script of the page."""
    esbuild = MODULE / "node_modules" / "esbuild" / "bin" / "esbuild"
    options = ["--bundle", "--format=esm", "--minify", "--external:/api/*", "--log-level=warning"]
    return subprocess.check_output([str(NODE), esbuild, HERE / "subjects.mjs", *options], text=True)


def measured(page: Page, name: str, state: State, edits: int) -> Figures:
    """Returns the figures of one subject, one for each edit."""
    found: Figures = page.evaluate(
        "([name, text, edits]) => measure(name, text, edits)", [name, state.content, edits]
    )
    return found


def served(page: Page, script: str, origin: str) -> None:
    """Opens the page, which counts the bytes of its saves."""
    sizes: list[int] = []

    def count(request: Request) -> None:
        if request.method in ("PUT", "PATCH"):
            sizes.append(len(request.post_data_buffer or b""))

    page.on("request", count)
    page.expose_function("sentBytes", lambda: sizes[-1])
    page.route("**/bench.html", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.route("**/subjects.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    page.goto(f"{origin}/bench.html")
    page.wait_for_function("typeof measure === 'function'")


def run(edits: int, chosen: Sequence[State]) -> dict[str, dict[str, Figures]]:
    """Returns the figures by state and subject. Each subject has a browser of its own."""
    subprocess.run([str(NODE), "build.mjs"], cwd=MODULE, check=True)
    script = bundled()
    found: dict[str, dict[str, Figures]] = {state.label: {} for state in chosen}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        environ = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "DATA_DIR": folder}
        with run_devhost(REPOSITORY, environ) as server:
            for state in chosen:
                for name in SUBJECTS:
                    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                    page = browser.new_page()
                    served(page, script, server.base_url)
                    found[state.label][name] = measured(page, name, state, edits)
                    browser.close()
    return found


def table(found: Mapping[str, Mapping[str, Figures]]) -> str:
    """Returns Markdown. Times are the best and the median, because other load makes single ones longer."""
    lines = [f"| Size | | {' | '.join(FIGURES.values())} |", f"|---:|---|{'---:|' * len(FIGURES)}"]
    for label, subjects in found.items():
        for name, figures in subjects.items():
            cells = [
                f"{median(figures[each]):,.0f}"
                if each == "sent"
                else f"{min(figures[each]):.1f} ({median(figures[each]):.1f})"
                for each in FIGURES
            ]
            lines.append(f"| {label} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.browser", description=__doc__)
    parser.add_argument("--edits", type=int, default=10, help="how many edits to measure of each")
    labels = [state.label for state in states()]
    parser.add_argument("--only", choices=labels, help="one size of the text")
    chosen: Any = parser.parse_args(arguments)
    if CHROMIUM is None or NODE is None:
        print("Chromium or Node was not found.", file=sys.stderr)
        return 1
    wanted = [state for state in states() if chosen.only in (None, state.label)]
    print(table(run(chosen.edits, wanted)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
