"""What the server has, past the module: to prepare it, to save behind a page's back, and to look."""

from collections.abc import Sequence
from secrets import token_urlsafe
from typing import Any

import httpx


class ServerSide:
    """The API as one person."""

    def __init__(self, origin: str, user: str) -> None:
        headers = {"X-User-Id": user}
        self._http = httpx.Client(
            base_url=f"{origin}/api/persistence", headers=headers, trust_env=False, timeout=20
        )

    def close(self) -> None:
        self._http.close()

    def create(self, content: str = "one", title: str = "First") -> str:
        """Returns the id of a new session."""
        return str(self._ok("POST", "/sessions", {"title": title, "description": None, "content": content}))

    def create_many(self, titles: Sequence[str]) -> None:
        """Creates sessions in this order, 40 with each request."""
        for start in range(0, len(titles), 40):
            items = [
                {"op": "create", "id": token_urlsafe(9), "title": title, "content": "one"}
                for title in titles[start : start + 40]
            ]
            self._ok("POST", "/sync", {"mode": "independent", "items": items})

    def draft(self, id: str, content: str) -> None:
        self._ok("PUT", f"/drafts/{id}", {"content": content})

    def save(self, id: str, content: str, device: str = "Firefox on Linux") -> None:
        """Saves as another device does."""
        self._ok("PUT", f"/sessions/{id}", {"content": content, "deviceInfo": device})

    def autosave(self, id: str, content: str) -> None:
        self._ok("PUT", f"/sessions/{id}?autosave=true", {"content": content, "deviceInfo": "Firefox on Linux"})

    def act(self, method: str, path: str, body: Any = None) -> Any:
        """Sends any request that must succeed. Returns the body of its response."""
        return self._ok(method, path, body)

    def status(self, method: str, path: str) -> int:
        """Returns the status of any request."""
        return self._http.request(method, path).status_code

    def content(self, id: str) -> str:
        """Returns the content of a session or a draft."""
        for kind in ("sessions", "drafts"):
            response = self._http.get(f"/{kind}/{id}")
            if response.is_success:
                return str(response.json()["content"])
        raise AssertionError(f"{response.status_code} {response.text}")

    def has(self, id: str) -> bool:
        return any(self._http.get(f"/{kind}/{id}").is_success for kind in ("sessions", "drafts"))

    def version(self, id: str) -> int:
        return int(self._ok("GET", f"/sessions/metadata/{id}")["version"])

    def sessions(self) -> list[dict[str, Any]]:
        return list(self._ok("GET", "/sessions")["items"])

    def drafts(self) -> list[dict[str, Any]]:
        return list(self._ok("GET", "/drafts")["items"])

    def history(self, id: str) -> list[str]:
        """Returns the content of every version that is kept, the newest first."""
        revisions = self._ok("GET", f"/sessions/{id}/revisions")["items"]
        return [self._ok("GET", f"/sessions/{id}/revisions/{each['version']}")["content"] for each in revisions]

    def everything(self) -> list[str]:
        """Returns the content of every session in every kept version, and of every draft."""
        found = [text for each in self.sessions() for text in self.history(each["id"])]
        return found + [self.content(each["id"]) for each in self.drafts()]

    def _ok(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, path, json=body)
        assert response.is_success, (method, path, response.status_code, response.text)
        return response.json() if response.content else None
