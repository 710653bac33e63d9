"""Measures how long a document of 200 modules takes to open, beside reading its JSON alone.

`python -m benchmarks.browser.modules`. Each module is of an older version: it is migrated, validated against a
JSON Type Definition, and half of them are fixed up.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

from tests.devhost.server import REPOSITORY, run_devhost
from tests.support.browser import CHROMIUM

MODULES = 200
BYTES = 1_400_000
OPEN = """async ([count, bytes]) => {
    const { modules, versions } = await import("/api/client/schema.js");
    const { jtd } = await import("/api/client/jtd.js");
    const validate = jtd({ properties: { text: { type: "string" }, zoom: { type: "float64" } } });
    const app = (version) => {
        const registry = modules(() => undefined);
        for (let at = 0; at < count; at++) {
            let state = { text: "x".repeat(bytes / count), scale: at };
            registry.add(`module-${at}`, {
                versions: version === 1 ? undefined
                    : versions({ 2: ({ text, scale }) => ({ text, zoom: scale }) }, { validate }),
                initial: () => state,
                serialize: () => state,
                apply: (found) => { state = found; },
                isValid: ({ zoom }) => version === 1 || zoom % 2 === 0 || "odd",
                fixup: (found) => ({ ...found, zoom: 0 }),
            });
        }
        return registry;
    };
    const text = app(1).serialize();
    const timed = (work) => { const begun = performance.now(); work(); return performance.now() - begun; };
    const registry = app(2);
    const opening = timed(() => registry.apply(text));
    return [text.length, registry.reports.length, opening, timed(() => JSON.parse(text))];
}"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="run once only; the figures mean little")
    rounds = 1 if parser.parse_args().quick else 9
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        with run_devhost(REPOSITORY, {"AUTH_MODE": "local", "DATA_DIR": str(Path(folder) / "data")}) as server:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            found = []
            for _ in range(rounds):
                page = browser.new_page()
                page.goto(f"{server.base_url}/api/client/config")
                found.append(page.evaluate(OPEN, [MODULES, BYTES]))
                page.close()
            browser.close()
    print("| modules | MB | reported | open, ms | JSON.parse alone, ms |\n|---:|---:|---:|---:|---:|")
    characters, reported = found[0][:2]
    opening, parsing = ([one[at] for one in found] for at in (2, 3))
    print(
        f"| {MODULES} | {characters / 1e6:.1f} | {reported} | {min(opening):.1f} ({median(opening):.1f}) "
        f"| {min(parsing):.1f} ({median(parsing):.1f}) |"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
