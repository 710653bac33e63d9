"""devhost and Microsoft's Python engine refuse the same apps and send the same responses."""

# mypy: disable-error-code=empty-body

import pytest

pytest.importorskip("azure_functions_runtime", reason="Microsoft's engine is not installed here: `make parity`")

import functools  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import azure.functions as func  # noqa: E402
from azure.functions.http import HttpRequest  # noqa: E402

from devhost import StartError  # noqa: E402
from devhost.host import load_functions  # noqa: E402
from devhost.http import encode_result  # noqa: E402
from tests.parity.worker import Worker, WorkerFailure, app_module  # noqa: E402

Handler = Callable[..., Any]


async def plain(req: func.HttpRequest) -> func.HttpResponse: ...
async def of_text(req: func.HttpRequest) -> str: ...
async def bare(req): ...
def in_a_thread(req: func.HttpRequest) -> func.HttpResponse: ...


async def with_a_default(req: func.HttpRequest, more: int = 1) -> func.HttpResponse: ...
async def with_more(req: func.HttpRequest, **more: str) -> func.HttpResponse: ...
async def misnamed(request: func.HttpRequest) -> func.HttpResponse: ...
async def perhaps(req: func.HttpRequest) -> func.HttpResponse | None: ...
async def nothing(req: func.HttpRequest) -> None: ...
async def of_bytes(req: func.HttpRequest) -> bytes: ...
async def of_a_dict(req: func.HttpRequest) -> dict[str, str]: ...
async def of_a_number(req: int) -> func.HttpResponse: ...
async def unresolved(req: "Nowhere") -> func.HttpResponse: ...  # type: ignore[name-defined]  # noqa: F821


@functools.wraps(with_a_default)
async def wrapping(req: func.HttpRequest) -> func.HttpResponse: ...


async def on_time(timer: func.TimerRequest) -> None: ...
async def on_a_request(timer: func.HttpRequest) -> None: ...


def serving(*handlers: Handler) -> func.FunctionApp:
    app = func.FunctionApp()
    for number, handler in enumerate(handlers):
        app.route(f"route{number}", methods=["GET"])(handler)
    return app


def ticking(handler: Handler) -> func.FunctionApp:
    app = func.FunctionApp()
    app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")(handler)
    return app


def refusals(make: Callable[..., func.FunctionApp], *handlers: Handler) -> tuple[bool, bool]:
    """Returns whether the engine refuses an app with these handlers, and whether devhost does."""
    found = []
    for load in (Worker, lambda module: load_functions(module, {})):
        try:
            load(app_module(make(*handlers)))
            found.append(False)
        except (WorkerFailure, StartError):
            found.append(True)
    engine, devhost = found
    return engine, devhost


@pytest.mark.parametrize("handler", [plain, of_text, bare, in_a_thread], ids=lambda one: one.__name__)
def test_what_the_engine_takes_devhost_takes(handler: Handler):
    assert refusals(serving, handler) == (False, False)
    assert refusals(ticking, on_time) == (False, False)


@pytest.mark.parametrize(
    "handler",
    [
        with_a_default,
        with_more,
        misnamed,
        perhaps,
        nothing,
        of_bytes,
        of_a_dict,
        of_a_number,
        unresolved,
        wrapping,
    ],
    ids=lambda one: one.__name__,
)
def test_what_the_engine_refuses_devhost_refuses(handler: Handler):
    assert refusals(serving, handler) == (True, True)


def test_a_timer_of_another_type_and_a_name_taken_twice_are_refused_by_both():
    assert refusals(ticking, on_a_request) == (True, True)
    assert refusals(serving, plain, plain) == (True, True)


def with_a_name_twice() -> func.HttpResponse:
    answer = func.HttpResponse(b"{}", mimetype="application/json", headers={"X-One": "first"})
    answer.headers.add("X-One", "last")
    return answer


@pytest.mark.parametrize(
    "make",
    [
        lambda: func.HttpResponse(),
        lambda: func.HttpResponse("Grüße"),
        lambda: func.HttpResponse(b"\x00\xff\x1f\x8b", mimetype="application/octet-stream"),
        lambda: func.HttpResponse(b"{}", mimetype="application/json", charset="utf-8"),
        lambda: func.HttpResponse(b"", mimetype="text/html", charset="latin-1"),
        lambda: func.HttpResponse(b"x", headers={"content-type": "text/csv", "ETag": '"1-a"'}),
        lambda: func.HttpResponse(status_code=204, headers={"Cache-Control": "no-store, private"}),
        lambda: func.HttpResponse(status_code=304, headers={"ETag": 'W/"1"'}),
        with_a_name_twice,
    ],
)
async def test_an_answer_leaves_the_engine_as_it_leaves_devhost(make: Callable[[], func.HttpResponse]):
    async def answering(req: func.HttpRequest) -> func.HttpResponse:
        return make()

    request = HttpRequest("GET", "http://a/", headers={}, params={}, route_params={}, body_type="bytes", body=b"")
    answer = await Worker(app_module(serving(answering))).serve("answering", request)
    status, fields, body = encode_result(make())
    assert (answer.status_code, answer.get_body()) == (status, body)
    sent = {name.lower().encode(): value.encode() for name, value in answer.headers.items()}
    assert sent == dict(fields)


@pytest.mark.parametrize("result", [None, {}, b"bytes"], ids=str)
async def test_what_is_no_answer_fails_in_both(result: object):
    async def answering(req: func.HttpRequest) -> func.HttpResponse:
        return result  # type: ignore[return-value]

    request = HttpRequest("GET", "http://a/", headers={}, params={}, route_params={}, body_type="bytes", body=b"")
    with pytest.raises(WorkerFailure, match="unable to encode"):
        await Worker(app_module(serving(answering))).serve("answering", request)
    with pytest.raises(TypeError):
        encode_result(result)
