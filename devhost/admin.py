"""`/admin/functions`: lists the functions and runs a timer at once, for callers on this machine only."""

import ipaddress
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from devhost.host import HttpFunction, TimerFunction
from devhost.http import answer, decoded_path, request_headers
from devhost.timers import Timers

PREFIX = "/admin"


class AdminApp:
    """Stands before the functions and takes every path under /admin; the rest goes on to them."""

    def __init__(self, functions: Sequence[HttpFunction | TimerFunction], timers: Timers, rest: ASGIApp) -> None:
        self._functions = {each.name.lower(): each for each in functions}
        self._timers = timers
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["raw_path"][:6].lower() != b"/admin":
            await self._rest(scope, receive, send)
            return
        try:
            path, headers = decoded_path(scope["raw_path"]).rstrip("/"), request_headers(scope["headers"])
        except ValueError:
            await answer(send, 400)
            return
        if path.lower() != PREFIX and not path.lower().startswith(PREFIX + "/"):
            await self._rest(scope, receive, send)
        elif not _is_from_this_machine(scope, headers):
            await answer(send, 403)
        else:
            await self._answer(scope["method"], path[len(PREFIX) + 1 :], send)

    async def _answer(self, method: str, path: str, send: Send) -> None:
        collection, _, name = path.partition("/")
        if collection.lower() != "functions" or "/" in name:
            await answer(send, 404)
        elif method == "GET" and not name:
            listing = json.dumps([_listed(each) for each in self._functions.values()]).encode()
            await answer(send, 200, [(b"content-type", b"application/json")], listing)
        elif method == "POST" and name.lower() in self._functions:
            function = self._functions[name.lower()]
            if isinstance(function, TimerFunction):
                self._timers.run(function)
                await answer(send, 202)
            else:
                await answer(send, 400)
        else:
            await answer(send, 404)


def _listed(function: HttpFunction | TimerFunction) -> dict[str, str | list[str]]:
    if isinstance(function, TimerFunction):
        return {"name": function.name, "trigger": "timer", "schedule": function.schedule.text}
    methods = sorted(function.methods or ())
    return {"name": function.name, "trigger": "http", "route": function.route, "methods": methods}


def _is_from_this_machine(scope: Scope, headers: dict[str, str]) -> bool:
    """Neither another machine, nor a page of another site, nor a name that was rebound to this machine."""
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
