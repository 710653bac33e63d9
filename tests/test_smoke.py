"""The app as a server process, on every supported Python: saved data is there after a restart."""

from pathlib import Path

import httpx
import pytest

from tests.devhost.server import REPOSITORY, DevhostServer, run_devhost

pytestmark = pytest.mark.smoke

CONTENT = '{"text": "Grüße, 世界 🌍"}'


def call(server: DevhostServer) -> httpx.Client:
    return httpx.Client(base_url=f"{server.base_url}/api", trust_env=False)


def test_what_is_saved_over_http_is_there_after_a_restart(tmp_path: Path):
    environ = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "DATA_DIR": str(tmp_path / "data")}
    with run_devhost(REPOSITORY, environ) as server, call(server) as http:
        assert http.get("/health/ready").json()["status"] == "ok"
        new = {"title": "First", "description": None, "content": "one"}
        created = http.post("/persistence/sessions", json=new)
        assert created.status_code == 201
        kept, deleted = created.json(), http.post("/persistence/sessions", json=new).json()

        saved = http.put(
            f"/persistence/sessions/{kept}",
            json={"content": CONTENT},
            headers={"If-Match": created.headers["etag"]},
        )
        assert (saved.status_code, saved.json()["metadata"]["version"]) == (200, 2)
        stale = http.put(
            f"/persistence/sessions/{kept}",
            json={"content": "stale"},
            headers={"If-Match": created.headers["etag"]},
        )
        assert (stale.status_code, stale.json()["error"]["type"]) == (412, "changed")
        assert http.delete(f"/persistence/sessions/{deleted}").status_code == 204
        today = http.get(f"/persistence/sessions/{kept}").json()
        assert today == saved.json()
        assert today["content"] == CONTENT

    with run_devhost(REPOSITORY, environ) as server, call(server) as http:
        assert http.get(f"/persistence/sessions/{kept}").json() == today
        assert http.get(f"/persistence/sessions/{deleted}").status_code == 410
        listed = http.get("/persistence/sessions").json()
        assert listed == {"items": [today["metadata"]], "pageToken": None}
        poll = http.get(f"/persistence/sessions/metadata/{kept}", headers={"If-None-Match": saved.headers["etag"]})
        assert (poll.status_code, poll.content) == (304, b"")
