"""The start: which apps are refused, and what devhost prints and logs."""

import socket
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func
import httpx
import pytest

from devhost import StartError
from devhost.host import HttpFunction, TimerFunction, load_functions
from devhost.local_settings import HostSettings
from devhost.serving import bound_socket
from tests.devhost.server import refused_start, run_devhost
from tests.devhost.small_app import APP, write_app


def load(app: object, **environ: str) -> list[HttpFunction | TimerFunction]:
    module = ModuleType("function_app")
    module.app = app  # type: ignore[attr-defined]
    return load_functions(module, environ)


def new_app() -> func.FunctionApp:
    return func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def own_address() -> str | None:
    """Returns an address of this machine that is not loopback, or None. Connecting a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
        return None if address.startswith("127.") else address


# Apps that the worker would not load


def test_an_app_without_functions_is_refused() -> None:
    with pytest.raises(StartError, match="^0 functions found"):
        load(new_app())


@pytest.mark.parametrize("app", [None, object(), func.Blueprint()])
def test_what_is_no_function_app_is_refused(app: object) -> None:
    with pytest.raises(StartError, match="no `app`"):
        load(app)


def test_two_functions_of_one_name_are_refused() -> None:
    app = new_app()
    for route in ("a", "b"):

        @app.route(route=route)
        async def twice(req: func.HttpRequest) -> func.HttpResponse:
            raise NotImplementedError

    with pytest.raises(StartError, match="twice"):
        load(app)


def test_names_that_differ_in_case_alone_are_refused() -> None:
    app = new_app()

    @app.route(route="a")
    async def same(req: func.HttpRequest) -> func.HttpResponse:
        raise NotImplementedError

    @app.route(route="b")
    async def Same(req: func.HttpRequest) -> func.HttpResponse:
        raise NotImplementedError

    with pytest.raises(StartError, match="function Same: another"):
        load(app)


def test_a_function_without_a_trigger_is_refused() -> None:
    app = new_app()

    @app.function_name("lost")
    async def lost(req: func.HttpRequest) -> func.HttpResponse:
        raise NotImplementedError

    with pytest.raises(StartError, match="lost does not have a trigger"):
        load(app)


@pytest.mark.parametrize("name", ["host", "9lives", "a b", "x" * 129])
def test_a_name_that_azure_does_not_take_is_refused(name: str) -> None:
    app = new_app()

    @app.function_name(name)
    @app.route(route="a")
    async def handler(req: func.HttpRequest) -> func.HttpResponse:
        raise NotImplementedError

    with pytest.raises(StartError, match="not a name"):
        load(app)


async def with_a_default(req: func.HttpRequest, extra: int = 1) -> func.HttpResponse:
    raise NotImplementedError


async def with_context(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    raise NotImplementedError


async def with_another_name(request: func.HttpRequest) -> func.HttpResponse:
    raise NotImplementedError


async def with_anything(*args: Any, **kwargs: Any) -> func.HttpResponse:
    raise NotImplementedError


async def without() -> func.HttpResponse:
    raise NotImplementedError


@pytest.mark.parametrize("handler", [with_a_default, with_context, with_another_name, with_anything, without])
def test_parameters_must_be_exactly_the_names_of_the_bindings(handler: Any) -> None:
    app = new_app()
    app.route(route="a")(handler)
    with pytest.raises(StartError, match=f"function {handler.__name__}: its parameters must be exactly \\(req\\)"):
        load(app)


def test_a_timer_s_parameter_must_be_its_binding_s_name_too() -> None:
    app = new_app()

    @app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *")
    async def nightly(time: func.TimerRequest) -> None: ...

    with pytest.raises(StartError, match=r"function nightly: its parameters must be exactly \(timer\)"):
        load(app)


async def optional(req: func.HttpRequest) -> func.HttpResponse | None:
    raise NotImplementedError


async def nothing(req: func.HttpRequest) -> None: ...


async def mapping(req: func.HttpRequest) -> dict[str, str]:
    raise NotImplementedError


@pytest.mark.parametrize("handler", [optional, nothing, mapping])
def test_a_return_annotation_other_than_a_response_or_text_is_refused(handler: Any) -> None:
    app = new_app()
    app.route(route="a")(handler)
    with pytest.raises(StartError, match=f"function {handler.__name__}: its return annotation"):
        load(app)


async def of_a_timer(req: func.TimerRequest) -> func.HttpResponse:
    raise NotImplementedError


async def of_nowhere(req: "Nowhere") -> func.HttpResponse:  # type: ignore[name-defined]  # noqa: F821
    raise NotImplementedError


@pytest.mark.parametrize("handler", [of_a_timer, of_nowhere])
def test_a_parameter_of_another_type_is_refused(handler: Any) -> None:
    app = new_app()
    app.route(route="a")(handler)
    with pytest.raises(StartError, match=f"function {handler.__name__}: .*annotation"):
        load(app)


def test_a_binding_that_devhost_cannot_run_is_refused_by_name() -> None:
    app = new_app()

    @app.queue_trigger(arg_name="message", queue_name="q", connection="C")
    async def queued(message: func.QueueMessage) -> None: ...

    with pytest.raises(StartError, match="function queued: .*queueTrigger"):
        load(app)


def test_an_output_binding_beside_http_is_refused() -> None:
    app = new_app()

    @app.route(route="a")
    @app.queue_output(arg_name="out", queue_name="q", connection="C")
    async def also_queues(req: func.HttpRequest, out: func.Out[str]) -> func.HttpResponse:
        raise NotImplementedError

    with pytest.raises(StartError, match="function also_queues: .*queue"):
        load(app)


def test_a_schedule_without_its_setting_is_refused_with_both_names() -> None:
    app = new_app()

    @app.timer_trigger(arg_name="timer", schedule="%PURGE_SCHEDULE%")
    async def purge(timer: func.TimerRequest) -> None: ...

    with pytest.raises(StartError, match="function purge: .*PURGE_SCHEDULE.* not set"):
        load(app)


def test_a_schedule_that_is_not_ncrontab_is_refused() -> None:
    app = new_app()

    @app.timer_trigger(arg_name="timer", schedule="%AT%")
    async def purge(timer: func.TimerRequest) -> None: ...

    with pytest.raises(StartError, match="function purge: schedule '0 3 . . .' must have six fields"):
        load(app, AT="0 3 * * *")


# What devhost prints


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "devhost: there is no function_app.py in "),
        ("import azure.functions as func\napp = func.FunctionApp()\n", "devhost: 0 functions found"),
        ("class Unset(Exception): pass\nraise Unset('SETTING is not set')\n",
         "devhost: function_app.py could not be loaded: Unset: SETTING is not set"),
        ("raise SystemExit('no luck')\n", "devhost: function_app.py could not be loaded: SystemExit: no luck"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_line_and_no_traceback(tmp_path: Path, text: str | None, line: str) -> None:
    if text:
        write_app(tmp_path, text)
    written = [each for each in refused_start(tmp_path).splitlines() if "WARNING" not in each]
    assert len(written) == 1
    assert written[0].startswith(line)


def test_a_fault_in_the_app_s_code_shows_where_it_is(tmp_path: Path) -> None:
    write_app(tmp_path, "value = 1\nunknown_name\n")
    lines = refused_start(tmp_path).splitlines()
    assert lines[-1].startswith("devhost: function_app.py could not be loaded: NameError")
    assert any('function_app.py", line 2' in line for line in lines)


def test_asyncio_run_at_import_fails_as_it_does_in_the_worker(tmp_path: Path) -> None:
    write_app(tmp_path, "import asyncio\nasyncio.run(asyncio.sleep(0, None))\n" + APP)
    assert "asyncio.run() cannot be called from a running event loop" in refused_start(tmp_path)


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        written = refused_start(write_app(tmp_path), {"PORT": str(port)})
    assert written.startswith(f"devhost: cannot listen on 127.0.0.1:{port}: ")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_local_identity_refuses_to_listen_on_other_addresses(tmp_path: Path, host: str) -> None:
    written = refused_start(write_app(tmp_path), {"HOST": host, "AUTH_MODE": "local"})
    assert f"HOST='{host}' is refused: AUTH_MODE=local" in written


def test_other_identities_may_listen_on_other_addresses(tmp_path: Path) -> None:
    with run_devhost(write_app(tmp_path), {"HOST": "0.0.0.0", "AUTH_MODE": "jwt"}) as server:
        assert server.base_url.startswith("http://0.0.0.0:")
        url = f"http://127.0.0.1:{server.port}"
        assert httpx.get(f"{url}/api/first").text == "first"
        assert httpx.get(f"{url}/admin/functions").status_code == 200
        if address := own_address():
            url = f"http://{address}:{server.port}"
            assert httpx.get(f"{url}/api/first").text == "first"
            assert httpx.get(f"{url}/admin/functions", headers={"Host": "localhost"}).status_code == 403


def test_who_calls_admin_through_a_proxy_is_refused(tmp_path: Path) -> None:
    environ = {"HOST": "0.0.0.0", "AUTH_MODE": "jwt", "FORWARDED_ALLOW_IPS": "*"}
    with run_devhost(write_app(tmp_path), environ) as server:

        def admin_status(address: str, forwarded_for: str) -> int:
            headers = {"Host": "localhost", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": forwarded_for}
            return httpx.get(f"http://{address}:{server.port}/admin/functions", headers=headers).status_code

        assert admin_status("127.0.0.1", "127.0.0.1") == 403
        if address := own_address():
            assert admin_status(address, "127.0.0.1") == 403


def test_it_announces_every_function_and_a_request_that_works_as_pasted(tmp_path: Path) -> None:
    with run_devhost(write_app(tmp_path), {"AUTH_MODE": "local"}) as server:
        lines = [" ".join(line.split()) for line in server.stdout().splitlines()]
        curl = next(line for line in lines if line.startswith("curl "))
        answer = subprocess.run(curl, shell=True, capture_output=True, text=True, check=True).stdout
    assert server.base_url.startswith("http://127.0.0.1:")
    assert f"item GET {server.base_url}/api/items/{{id}}" in lines
    assert f"ready GET,PUT {server.base_url}/api/persistence/ready" in lines
    assert f"slow * {server.base_url}/api/slow" in lines
    assert "nightly 0 0 3 * * *" in lines
    assert curl == f"curl {server.base_url}/api/persistence/ready"
    assert answer == "ready"
    assert lines[-1] == f"Listening on {server.base_url}"


def test_localhost_means_ipv4_if_it_has_both_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    # Faked, because many machines know localhost as 127.0.0.1 only.
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with bound_socket(HostSettings("localhost", 0, cors=None, loopback_only=None)) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    with run_devhost(write_app(tmp_path)) as server:
        address = own_address()
        if not address:
            pytest.skip("this machine has no other address")
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, server.port), timeout=2)


def test_what_a_handler_logs_at_info_reaches_stderr(tmp_path: Path) -> None:
    text = APP.replace('return "first"', 'import logging; logging.info("said %s", "so"); return "first"')
    with run_devhost(write_app(tmp_path, text)) as server:
        httpx.get(f"{server.base_url}/api/first")
        assert server.stderr().endswith(" INFO root: said so\n")


def test_the_azure_http_log_is_silent_below_warning(tmp_path: Path) -> None:
    name = "azure.core.pipeline.policies.http_logging_policy"
    text = APP.replace(
        'return "first"',
        f'import logging; log = logging.getLogger("{name}"); log.info("no"); log.warning("yes"); return "first"',
    )
    with run_devhost(write_app(tmp_path, text)) as server:
        httpx.get(f"{server.base_url}/api/first")
        assert server.stderr().endswith(f" WARNING {name}: yes\n")
        assert "INFO" not in server.stderr()


def test_an_app_under_two_names_is_refused(tmp_path: Path):
    written = refused_start(write_app(tmp_path, APP + "\nagain = app\n"))
    assert "more than one FunctionApp" in written
