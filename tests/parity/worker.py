"""Microsoft's own Python engine for Azure Functions (`azure-functions-runtime`), asked as the Functions host asks it.

Indexing, what is refused at load, the making of a request, the call and the taking apart of its answer are the
engine's own code. The host is a program of its own, not written in Python: its part is played here. It matches routes,
by devhost's table over the bindings that the engine reports, and fills in what its source fills in. Every message
is packed and unpacked as on its way between the two processes, so only what protobuf can carry gets across.
"""

import asyncio
import importlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import uuid4

from azure.functions import HttpResponse
from azure.functions.http import HttpRequest
from azure_functions_runtime import handle_event  # type: ignore[import-not-found]
from azure_functions_runtime.functions import Registry  # type: ignore[import-not-found]

from devhost.host import HttpFunction, route_prefix
from devhost.routes import RouteTable
from functions.app import build_app
from persistence import Stores
from persistence.settings import Settings
from tests.support.http import Client

ROOT = Path(__file__).resolve().parents[2]
APP = "function_app"
TIMER = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": {}, "IsPastDue": False}


def _load_messages() -> Any:
    """The protobuf classes, as one namespace: what the engine is handed by the process around it."""
    package = ModuleType("azure_functions_messages")
    package.__path__ = [str(distribution("azure-functions-runtime-v1").locate_file("tests/protos"))]
    sys.modules[package.__name__] = package
    parts = ("FunctionRpc_pb2", "shared.NullableTypes_pb2")
    found = (vars(importlib.import_module(f"{package.__name__}.{part}")) for part in parts)
    return SimpleNamespace(**{name: value for part in found for name, value in part.items() if name[0] != "_"})


rpc = _load_messages()


class WorkerFailure(Exception):
    """What the host logs, and answers with a bare 500: the engine refused an app, or an invocation failed."""


class Worker:
    """An app in the engine."""

    def __init__(self, module: ModuleType | None = None) -> None:
        """Has function_app.py indexed, or `module` in its place. WorkerFailure where it is refused."""
        handle_event._functions = self._registry = Registry()
        kept = sys.modules.pop(APP, None)
        if module is not None:
            sys.modules[APP] = module
        try:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, self._start()).result()
            self.module = sys.modules[APP]
        finally:
            sys.modules.pop(APP, None)
            if kept is not None:
                sys.modules[APP] = kept

    async def _start(self) -> None:
        init = rpc.WorkerInitRequest(host_version="4", function_app_directory=str(ROOT), worker_directory=str(ROOT))
        answer = await self._ask(handle_event.worker_init_request, worker_init_request=init)
        # What makes the host send a body once, as it came.
        assert answer.capabilities["RawHttpBodyBytes"] and answer.capabilities["RpcHttpBodyOnly"]
        listing = rpc.FunctionsMetadataRequest(function_app_directory=str(ROOT))
        answer = await self._ask(handle_event.functions_metadata_request, functions_metadata_request=listing)
        self.functions = {one.name: one for one in answer.function_metadata_results}
        for one in self.functions.values():
            load = rpc.FunctionLoadRequest(function_id=one.function_id, metadata=one)
            await self._ask(handle_event.function_load_request, function_load_request=load)
        self.triggers = {name: _trigger(one) for name, one in self.functions.items()}
        http = [
            HttpFunction(
                name=name,
                handler=partial(self._serve, name),
                argument=trigger["name"],
                is_async=True,
                route=trigger["route"],
                methods=frozenset(trigger["methods"]),
            )
            for name, trigger in self.triggers.items()
            if trigger["type"] == "httpTrigger"
        ]
        self.routes = RouteTable(http, route_prefix(ROOT))

    async def fire(self, name: str) -> None:
        """Runs a timer, as the host does when it is due."""
        await self._invoke(name, rpc.TypedData(json=json.dumps(TIMER)))

    async def _serve(self, name: str, req: HttpRequest) -> HttpResponse:
        """Of the request only what the host would read from the wire goes to the engine, which makes its own."""
        answer = (await self._invoke(name, rpc.TypedData(http=_http(req)))).return_value
        assert answer.WhichOneof("data") == "http" and answer.http.body.WhichOneof("data") == "bytes"
        assert not answer.http.cookies and not answer.http.enable_content_negotiation
        headers = dict(answer.http.headers)
        return HttpResponse(answer.http.body.bytes, status_code=int(answer.http.status_code), headers=headers)

    async def _invoke(self, name: str, value: Any) -> Any:
        data = rpc.ParameterBinding(name=self.triggers[name]["name"], data=value)
        request = rpc.InvocationRequest(
            invocation_id=str(uuid4()), function_id=self.functions[name].function_id, input_data=[data]
        )
        # The engine knows one app in its life, a test may have several: it looks this up before it first waits.
        handle_event._functions = self._registry
        return await self._ask(handle_event.invocation_request, invocation_request=request)

    async def _ask(self, handler: Any, **content: Any) -> Any:
        message = _carried(rpc.StreamingMessage(request_id=str(uuid4()), **content))
        properties = {"host": "127.0.0.1", "protos": rpc}
        answer = _carried(await handler(SimpleNamespace(request=message, properties=properties)))
        if answer.result.status != rpc.StatusResult.Success:
            raise WorkerFailure(f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}")
        return answer


class WorkerClient(Client):
    """`Client` with the engine between it and the triggers."""

    def __init__(self, stores: Stores, settings: Settings, user: str = "ann") -> None:
        module = ModuleType(APP)
        module.app = build_app(stores, settings)  # type: ignore[attr-defined]
        self._worker, self.user = Worker(module), user

    @classmethod
    def over(cls, worker: Worker, user: str = "ann") -> "WorkerClient":
        """To an app that is indexed already."""
        client = object.__new__(cls)
        client._worker, client.user = worker, user
        return client

    def of(self, user: str) -> "WorkerClient":
        return self.over(self._worker, user)

    def _match(self, method: str, path: str) -> tuple[str, dict[str, str], Any]:
        found = self._worker.routes.match(method, f"api/{path}")
        if found is None:
            raise LookupError(f"no function for {method} {path}")
        function, parameters = found
        return function.route, parameters, function.handler


def _trigger(metadata: Any) -> dict[str, Any]:
    bindings = [json.loads(one) for one in metadata.raw_bindings]
    [found] = [one for one in bindings if one["type"].endswith("Trigger")]
    return dict(found)


def _http(req: HttpRequest) -> Any:
    """As the host fills it in: names of headers in lower case, no empty query values, no body without a length."""
    headers = {name.lower(): value for name, value in req.headers.items()}
    body = req.get_body()
    if body:
        headers["content-length"] = str(len(body))
    return rpc.RpcHttp(
        method=req.method,
        url=req.url,
        headers={name: _text(value) for name, value in headers.items()},
        params={name: _text(value) for name, value in req.route_params.items()},
        query={name: _text(value) for name, value in req.params.items() if value},
        body=rpc.TypedData(bytes=body) if body else None,
    )


def _text(value: str) -> str:
    """Half a surrogate pair is no text of protobuf; .NET sends U+FFFD in its place."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _carried(message: Any) -> Any:
    return type(message).FromString(message.SerializeToString())
