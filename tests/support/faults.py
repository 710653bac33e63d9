"""A proxy in front of a Cosmos endpoint that refuses requests, and drops or delays responses, on demand. Others
treat batches as some servers do."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web
from yarl import URL

# Headers that belong to one connection, not to the message.
HOP_BY_HOP = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
LARGEST_BODY = 16 * 1024 * 1024


@dataclass(frozen=True)
class Recorded:
    """A request from the client. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_query(self) -> bool:
        """Whether this is a query, which is a POST to the same path as a create."""
        return self.headers.get("x-ms-documentdb-isquery", "").lower() == "true"

    @property
    def is_batch(self) -> bool:
        """Whether this is a batch, which is a POST to the same path as a create."""
        return self.headers.get("x-ms-cosmos-is-batch-request", "").lower() == "true"

    @property
    def is_point(self) -> bool:
        """Whether this creates, reads, replaces, patches or deletes one item."""
        return "/docs" in self.path and not self.is_query and not self.is_batch


Predicate = Callable[[Recorded], bool]


def any_item(request: Recorded) -> bool:
    """Every point operation, but no request for metadata."""
    return request.is_point


@dataclass(eq=False)
class Fault:
    """Affects the next `times` requests of `method` that match `predicate`."""

    method: str
    predicate: Predicate
    times: int
    applied: bool = False
    """Whether the server applies the request, and its response is lost."""
    status: int | None = None
    """The status of the response. None: the connection is closed without a response."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """The JSON of the response. None: one that says that this is a fault."""
    holds: bool = False
    """Whether the request waits until `released` is set. If `applied`, its true response waits instead."""
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a request is affected. If `applied`, it has been applied then."""
    released: asyncio.Event = field(default_factory=asyncio.Event)


class FaultProxy:
    """Forwards everything to `upstream` that no fault affects. Of several faults, the oldest takes effect.

    The account document is changed: its only region is this proxy. So an SDK with endpoint discovery stays here.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream.rstrip("/")
        self._faults: list[Fault] = []
        self.requests: list[Recorded] = []
        self.endpoint = ""

    def before(
        self,
        method: str,
        predicate: Predicate = any_item,
        *,
        status: int,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        times: int = 1,
    ) -> Fault:
        """Responds with `status` without applying the request."""
        return self._lay(Fault(method, predicate, times, status=status, headers=headers or {}, body=body))

    def refuse_batch(self, status: int, sub_status: int = 0, times: int = 1) -> Fault:
        """Responds to batches as Cosmos DB does if their last operation is refused."""
        failed = {"statusCode": status, "subStatusCode": sub_status, "requestCharge": 1.0}
        body = [{"statusCode": 424, "requestCharge": 0.0}, failed]
        return self.before("POST", lambda request: request.is_batch, status=207, body=body, times=times)

    def after(
        self,
        method: str,
        predicate: Predicate = any_item,
        *,
        status: int = 503,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> Fault:
        """Applies the request, but responds with `status`."""
        return self._lay(Fault(method, predicate, times, applied=True, status=status, headers=headers or {}))

    def drop(
        self, method: str, predicate: Predicate = any_item, *, applied: bool = False, times: int = 1
    ) -> Fault:
        """Closes the connection without a response."""
        return self._lay(Fault(method, predicate, times, applied=applied))

    def hang(
        self, method: str, predicate: Predicate = any_item, *, applied: bool = False, times: int = 1
    ) -> Fault:
        """Delays the request, or its response if `applied`, until `released` is set or the proxy stops."""
        return self._lay(Fault(method, predicate, times, applied=applied, holds=True))

    def sent(self, method: str, predicate: Predicate = any_item) -> list[Recorded]:
        """Returns the requests so far, including retries, oldest first."""
        return [request for request in self.requests if request.method == method and predicate(request)]

    async def start(self) -> Self:
        # No timeout here. The client of this proxy has one.
        self._client = aiohttp.ClientSession(
            auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(None)
        )
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.endpoint = f"http://{host}:{port}"
        return self

    async def stop(self) -> None:
        for fault in self._faults:
            fault.released.set()
        await self._runner.cleanup()
        await self._client.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _lay(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def _take(self, request: Recorded) -> Fault | None:
        for fault in self._faults:
            if fault.times > 0 and fault.method == request.method and fault.predicate(request):
                fault.times -= 1
                return fault
        return None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        recorded = Recorded(request.method, request.raw_path, headers, await request.read())
        self.requests.append(recorded)
        fault = self._take(recorded)
        if fault is None:
            return await self._forward(recorded)
        answer = await self._forward(recorded) if fault.applied else None
        fault.struck.set()
        if fault.holds:
            await fault.released.wait()
            return answer or await self._forward(recorded)
        if fault.status is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        body = fault.body or {"code": str(fault.status), "message": "An injected fault."}
        return web.json_response(body, status=fault.status, headers=fault.headers)

    async def _forward(self, request: Recorded) -> web.Response:
        url = URL(self._upstream + request.path, encoded=True)
        headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
        async with self._client.request(request.method, url, headers=headers, data=request.body) as answer:
            body = await answer.read()
            if request.method == "GET" and url.path == "/" and answer.status == 200:
                body = self._with_own_address(body)
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            return web.Response(status=answer.status, body=body, headers=kept)

    def _with_own_address(self, account: bytes) -> bytes:
        document = json.loads(account)
        region = {"name": "proxy", "databaseAccountEndpoint": f"{self.endpoint}/"}
        document["writableLocations"] = document["readableLocations"] = [region]
        return json.dumps(document).encode()


class IgnoresConditions(FaultProxy):
    """A server that applies a batch whatever its conditions are, as Microsoft's `vnext` emulator does."""

    async def _forward(self, request: Recorded) -> web.Response:
        if request.is_batch:
            operations = json.loads(request.body)
            for operation in operations:
                operation.pop("ifMatch", None)
            request = replace(request, body=json.dumps(operations).encode())
        return await super()._forward(request)


class KeepsEarlierWrites(FaultProxy):
    """A server that does not take back the first write of a batch if the second fails."""

    async def _forward(self, request: Recorded) -> web.Response:
        answer = await super()._forward(request)
        if request.is_batch and answer.status == 207:
            first = json.dumps(json.loads(request.body)[:1]).encode()
            await super()._forward(replace(request, body=first))
        return answer
