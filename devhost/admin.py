"""`/admin/functions` lists functions and starts a timer, `/metrics` is for Prometheus. For this machine only."""

import asyncio
import ipaddress
import json
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from devhost.host import HttpFunction, TimerFunction
from devhost.http import decoded_path, request_headers, respond
from devhost.timers import Timers

PREFIX = "/admin"
METRICS = "/metrics"
PROMETHEUS_TEXT = b"text/plain; version=0.0.4; charset=utf-8"
_OF_PROXIES = frozenset({"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"})


class AdminApp:
    """ASGI middleware. Handles /metrics and every path under /admin, and passes all others to `next_app`."""

    def __init__(
        self,
        functions: Sequence[HttpFunction | TimerFunction],
        timers: Timers,
        next_app: ASGIApp,
        metrics: Callable[[], bytes] | None = None,
    ) -> None:
        """`metrics` returns what Prometheus reads. None: there is no such path."""
        self._metrics = metrics
        self._functions = {each.name.lower(): each for each in functions}
        self._timers = timers
        self._next_app = next_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["raw_path"][:6].lower() != b"/admin" and scope["raw_path"] != METRICS.encode():
            await self._next_app(scope, receive, send)
            return
        try:
            path, headers = decoded_path(scope["raw_path"]).rstrip("/"), request_headers(scope["headers"])
        except ValueError:
            await respond(send, 400)
            return
        is_metrics = path == METRICS and self._metrics is not None
        if path.lower() != PREFIX and not path.lower().startswith(PREFIX + "/") and not is_metrics:
            await self._next_app(scope, receive, send)
        elif not _is_local(scope, headers):
            await respond(send, 403)
        elif is_metrics and self._metrics is not None:
            await respond(send, 200, [(b"content-type", PROMETHEUS_TEXT)], await asyncio.to_thread(self._metrics))
        else:
            await self._respond(scope["method"], path[len(PREFIX) + 1 :], send)

    async def _respond(self, method: str, path: str, send: Send) -> None:
        collection, _, name = path.partition("/")
        if collection.lower() != "functions" or "/" in name:
            await respond(send, 404)
        elif method == "GET" and not name:
            listing = json.dumps([_listed(each) for each in self._functions.values()]).encode()
            await respond(send, 200, [(b"content-type", b"application/json")], listing)
        elif method == "POST" and name.lower() in self._functions:
            function = self._functions[name.lower()]
            if isinstance(function, TimerFunction):
                self._timers.run(function)
                await respond(send, 202)
            else:
                await respond(send, 400)
        else:
            await respond(send, 404)


def _listed(function: HttpFunction | TimerFunction) -> dict[str, str | list[str]]:
    if isinstance(function, TimerFunction):
        return {"name": function.name, "trigger": "timer", "schedule": function.schedule.text}
    methods = sorted(function.methods or ())
    return {"name": function.name, "trigger": "http", "route": function.route, "methods": methods}


def _is_of_a_proxy(header: str) -> bool:
    return header in _OF_PROXIES or header.startswith("x-forwarded")


def _is_local(scope: Scope, headers: dict[str, str]) -> bool:
    """Returns whether the request comes from this machine.

    The client address must be loopback. A loopback Host header is required against DNS rebinding.
    An Origin header, if sent, must be this server's own: pages of other sites are refused. A request that a proxy
    passed on comes from elsewhere, although its client address is that of the proxy. Proxies say so, or speak
    HTTP/1.0, as nginx does if nothing else is configured.
    """
    if scope["http_version"] == "1.0" or any(_is_of_a_proxy(name) for name in headers):
        return False
    client = scope.get("client")
    host = headers.get("host", "")
    origin = headers.get("origin")
    if client is None or not ipaddress.ip_address(client[0]).is_loopback:
        return False
    try:
        hostname = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if hostname not in ("localhost", "127.0.0.1", "::1"):
        return False
    return origin is None or origin.lower() == f"{scope['scheme']}://{host}".lower()
