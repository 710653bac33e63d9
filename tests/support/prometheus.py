"""Debian's Prometheus, which reads a server every half second, and the queries of the Grafana board."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.devhost.server import REPOSITORY

BOARD = json.loads(Path(REPOSITORY, "infra", "dashboards", "grafana.json").read_text())
QUERIES: dict[str, str] = {
    panel["title"]: target["expr"] for panel in BOARD["panels"] for target in panel["targets"]
}
T = TypeVar("T")
_SECONDS = 40
_CONFIG = """
scrape_configs:
- job_name: savepoint
  scrape_interval: 500ms
  scrape_timeout: 500ms
  static_configs:
  - targets: ['{target}']
"""


def missing() -> str | None:
    """Returns what these tests need and this machine lacks."""
    return None if shutil.which("prometheus") else "Debian's prometheus is not installed"


def until(condition: Callable[[], T]) -> T:
    """Returns what the condition returns once that is true."""
    deadline = time.monotonic() + _SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
    return found


class Prometheus:
    """Asks a Prometheus."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False)

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Returns the series of a query, without those whose value is not a number."""
        response = self.http.get("/api/v1/query", params={"query": query})
        assert response.status_code == 200, response.text
        result: list[dict[str, Any]] = response.json()["data"]["result"]
        return [one for one in result if one["value"][1] != "NaN"]

    def values(self, query: str) -> dict[tuple[str, ...], float]:
        """Returns the values of a query, by those of their labels, in the order of the names of these."""
        return {
            tuple(value for _, value in sorted(one["metric"].items())): float(one["value"][1])
            for one in self.ask(query)
        }

    def number(self, query: str) -> float:
        return sum(self.values(query).values())

    def has(self, query: str, number: float) -> None:
        """Waits until the query finds the number."""
        until(lambda: self.number(query) == number)

    def is_up(self) -> bool:
        try:
            return self.number("up") == 1
        except (httpx.TransportError, AssertionError):
            return False


@contextmanager
def scraping(url: str, folder: Path) -> Iterator[Prometheus]:
    """Runs a Prometheus that has read the server of that address at least once."""
    program = shutil.which("prometheus")
    assert program is not None
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(target=url.partition("//")[2]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = ["--web.listen-address", address, "--storage.tsdb.path", str(folder / "series")]
    command = [program, "--config.file", str(config), *flags]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        found = Prometheus(f"http://{address}")
        try:
            until(found.is_up)
            yield found
        finally:
            found.http.close()
            process.terminate()
