"""Starts the server with the settings of this machine, and shuts it down."""

import contextlib
import inspect
import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from types import ModuleType

import uvicorn
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp
from uvicorn.server import HANDLED_SIGNALS

from devhost import StartError, local_settings
from devhost.admin import AdminApp
from devhost.announcement import announcement
from devhost.host import HttpFunction, TimerFunction, import_app, load_functions, route_prefix
from devhost.http import FunctionsApp
from devhost.limits import WellFormed
from devhost.local_settings import Cors, HostSettings
from devhost.metrics import start_metrics
from devhost.protocol import HEAD_MAX_BYTES, http_protocol
from devhost.routes import RouteTable
from devhost.timers import Timers
from functions.identity.local import LOOPBACK_ORIGIN

SHUTDOWN_GRACE_SECONDS = 10
# Kestrel's default. A client that polls keeps its connection between two polls.
KEEP_ALIVE_SECONDS = 130


async def serve(directory: Path, environ: MutableMapping[str, str]) -> None:
    """Serves the app of the directory until SIGINT or SIGTERM. Then awaits the app's `close`, if it has one.

    A second SIGINT stops waiting for open requests. During `close`, a SIGINT cancels it. A signal that is ignored
    from the start stays ignored: the shell of a script ignores SIGINT for its background jobs.
    The app is imported inside the running event loop, as in the worker. `asyncio.run` at import fails in both.
    """
    settings = local_settings.load(directory, environ)
    metrics = start_metrics(environ)
    prefix = route_prefix(directory)
    with bound_socket(settings) as listener:
        module = import_app(directory)
        functions = load_functions(module, environ)
        routes = RouteTable((each for each in functions if isinstance(each, HttpFunction)), prefix)
        timers = Timers([each for each in functions if isinstance(each, TimerFunction)])
        app = WellFormed(
            AdminApp(functions, timers, _with_cors(FunctionsApp(routes), settings.cors), metrics.text)
        )

        def listening() -> None:
            print(announcement(functions, routes, _url(listener)), flush=True)
            timers.start()

        server = _Server(server_config(app), listening)
        await server.serve(sockets=[listener])
        await timers.stop()
        await _close(module)
    metrics.stop()


def bound_socket(settings: HostSettings) -> socket.socket:
    """Returns a listening socket. Raises StartError if the address is in use, unknown or not allowed."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise StartError(f"HOST={settings.host!r} is not a valid address: {error.strerror or error}") from error
    # IPv4 first: localhost can mean 127.0.0.1 and ::1, and more clients try 127.0.0.1.
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    if settings.loopback_only and not ipaddress.ip_address(address[0]).is_loopback:
        raise StartError(
            f"HOST={settings.host!r} is refused: {settings.loopback_only}, so only loopback addresses "
            "are allowed; leave HOST unset or choose another AUTH_MODE"
        )
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            # Else a restart fails while connections of the previous process are in TIME_WAIT.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise StartError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            "set PORT to another port, or to 0 for any free port"
        ) from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _with_cors(app: ASGIApp, cors: Cors | None) -> ASGIApp:
    if cors is None:
        return app
    return CORSMiddleware(
        app,
        allow_origins=cors.origins,
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=cors.credentials,
        allow_origin_regex=LOOPBACK_ORIGIN.pattern if cors.loopback else None,
        # Browsers ask for this too, if a page of the internet calls this machine.
        allow_private_network=cors.loopback,
    )


def server_config(app: ASGIApp) -> uvicorn.Config:
    """Returns the settings of the server, its limits included."""
    return uvicorn.Config(
        app,
        http=http_protocol(),
        h11_max_incomplete_event_size=HEAD_MAX_BYTES,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_SECONDS,
    )


async def _close(module: ModuleType) -> None:
    close = getattr(module, "close", None)
    if inspect.iscoroutinefunction(close):
        await close()


class _Server(uvicorn.Server):
    """uvicorn's server, with a callback once it listens. The process stays alive after a signal."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's, does not raise the signal again. The process would end before the app's `close`.
        Leaves ignored signals ignored, as `asyncio.Runner` does."""
        heard = [each for each in HANDLED_SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
        before = {each: signal.signal(each, self.handle_exit) for each in heard}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
