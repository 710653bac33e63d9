"""Microsoft's Python engine for Azure Functions (`azure-functions-runtime`), called as its host calls it.

The engine's own code indexes functions, refuses them at load, makes requests, calls functions and takes responses
apart. The host is another program, not written in Python. This module plays its part for requests and routes.
Every message is packed and unpacked as between the two processes, so only what protobuf can carry passes.
"""

import asyncio
import importlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import uuid4

import azure.functions as func
import pytest
from azure.functions.http import HttpRequest
from azure_functions_runtime import handle_event  # type: ignore[import-not-found]
from azure_functions_runtime.functions import Registry  # type: ignore[import-not-found]

from functions import app as product
from persistence import Stores

ROOT = Path(__file__).resolve().parents[2]
APP = "function_app"
TIMER = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": {}, "IsPastDue": False}


def _load_messages() -> Any:
    """Returns the protobuf classes as one namespace, as the worker process hands them to the engine."""
    package = ModuleType("azure_functions_messages")
    package.__path__ = [str(distribution("azure-functions-runtime-v1").locate_file("tests/protos"))]
    sys.modules[package.__name__] = package
    parts = ("FunctionRpc_pb2", "shared.NullableTypes_pb2")
    found = [vars(importlib.import_module(f"{package.__name__}.{part}")) for part in parts]
    return SimpleNamespace(**{name: value for part in found for name, value in part.items() if name[0] != "_"})


rpc = _load_messages()


class WorkerFailure(Exception):
    """The engine refused an app, or an invocation failed. The host logs it and responds with a bare 500."""


class Worker:
    """An app in the engine. `functions` is the metadata for the host, `triggers` the bindings in it."""

    def __init__(self, module: ModuleType | None = None) -> None:
        """Indexes function_app.py, or `module` instead. Raises WorkerFailure if the engine refuses it."""
        # The engine knows one app for its whole life, but each test has another.
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
        init = rpc.WorkerInitRequest(host_version="4", function_app_directory=str(ROOT))
        answer = await self._ask(handle_event.worker_init_request, worker_init_request=init)
        # With these, the host sends a body once and unchanged.
        assert answer.capabilities["RawHttpBodyBytes"] and answer.capabilities["RpcHttpBodyOnly"]
        listing = rpc.FunctionsMetadataRequest(function_app_directory=str(ROOT))
        answer = await self._ask(handle_event.functions_metadata_request, functions_metadata_request=listing)
        self.functions = {one.name: one for one in answer.function_metadata_results}
        self.triggers = {name: _trigger(one) for name, one in self.functions.items()}
        for one in self.functions.values():
            load = rpc.FunctionLoadRequest(function_id=one.function_id, metadata=one)
            await self._ask(handle_event.function_load_request, function_load_request=load)

    def app(self) -> func.FunctionApp:
        """Returns an app whose functions hand their requests to the engine."""
        app = func.FunctionApp()
        for name, trigger in self.triggers.items():
            if trigger["type"] == "httpTrigger":

                async def serve(req: HttpRequest, name: str = name) -> func.HttpResponse:
                    return await self.serve(name, req)

                app.function_name(name)(app.route(trigger["route"], methods=trigger["methods"])(serve))
        return app

    async def serve(self, name: str, req: HttpRequest) -> func.HttpResponse:
        """Hands the engine what the host would read from the wire. The engine makes its own request from that."""
        try:
            data = rpc.TypedData(http=_http(req))
        except UnicodeEncodeError:
            pytest.skip("half a surrogate pair cannot reach the engine: protobuf carries UTF-8")
        answer = (await self._invoke(name, data)).return_value
        assert answer.WhichOneof("data") == "http" and answer.http.body.WhichOneof("data") == "bytes"
        assert not answer.http.cookies and not answer.http.enable_content_negotiation
        headers = dict(answer.http.headers)
        return func.HttpResponse(answer.http.body.bytes, status_code=int(answer.http.status_code), headers=headers)

    async def fire(self, name: str) -> None:
        """Runs a timer, as the host does when it is due."""
        await self._invoke(name, rpc.TypedData(json=json.dumps(TIMER)))

    async def _invoke(self, name: str, data: Any) -> Any:
        request = rpc.InvocationRequest(
            invocation_id=str(uuid4()),
            function_id=self.functions[name].function_id,
            input_data=[rpc.ParameterBinding(name=self.triggers[name]["name"], data=data)],
        )
        # The engine reads it before it first awaits, so calls of several apps do not mix.
        handle_event._functions = self._registry
        return await self._ask(handle_event.invocation_request, invocation_request=request)

    async def _ask(self, handler: Any, **content: Any) -> Any:
        message = _carried(rpc.StreamingMessage(request_id=str(uuid4()), **content))
        properties = {"host": "127.0.0.1", "protos": rpc}
        answer = _carried(await handler(SimpleNamespace(request=message, properties=properties)))
        if answer.result.status != rpc.StatusResult.Success:
            raise WorkerFailure(f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}")
        return answer


def app_module(app: func.FunctionApp) -> ModuleType:
    """Returns a module like function_app.py, with this app."""
    module = ModuleType(APP)
    module.app = app  # type: ignore[attr-defined]
    return module


def build_app(stores: Stores, rules: product.AppRules) -> func.FunctionApp:
    """Returns the product's app behind the engine. Replaces the product's `build_app` in tests."""
    return Worker(app_module(product.build_app(stores, rules))).app()


def _trigger(metadata: Any) -> dict[str, Any]:
    bindings = [json.loads(one) for one in metadata.raw_bindings]
    [found] = [one for one in bindings if one["type"].endswith("Trigger")]
    return dict(found)


def _http(req: HttpRequest) -> Any:
    """Returns a request as the host sends it: lower-case headers, no empty values, no body without length."""
    # Of the base class: a subclass may remember which headers are read.
    given: Any = HttpRequest.headers.fget(req)  # type: ignore[attr-defined]
    headers = {name.lower(): value for name, value in given.items()}
    body = req.get_body()
    if body:
        headers["content-length"] = str(len(body))
    return rpc.RpcHttp(
        method=req.method,
        url=req.url,
        headers=headers,
        params=dict(req.route_params),
        query={name: value for name, value in req.params.items() if value},
        body=rpc.TypedData(bytes=body) if body else None,
    )


def _carried(message: Any) -> Any:
    return type(message).FromString(message.SerializeToString())
