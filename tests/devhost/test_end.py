"""The end: signals, what is under way, and a start after a kill."""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.devhost.server import run_devhost
from tests.devhost.small_app import APP, write_app


@pytest.fixture(autouse=True)
def ctrl_c_reaches_devhost() -> Iterator[None]:
    """However pytest was started: a process inherits which signals are ignored."""
    with sigint(signal.default_int_handler):
        yield


@contextmanager
def sigint(handler: Any) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.smoke
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_after_the_app_is_closed(tmp_path: Path, number: int) -> None:
    with run_devhost(write_app(tmp_path)) as server:
        with httpx.Client() as client:
            assert client.get(f"{server.base_url}/api/first").text == "first"
            begin = time.monotonic()
            assert server.stop(number) == 0
        assert time.monotonic() - begin < 3
        assert server.stdout().endswith("\nclosed\n")
        assert server.stderr() == ""


def test_a_request_under_way_is_answered_before_the_end(tmp_path: Path) -> None:
    with run_devhost(write_app(tmp_path)) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(b"GET /api/slow HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.1)
            server.process.send_signal(signal.SIGTERM)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert server.process.wait(timeout=5) == 0


def test_a_second_ctrl_c_ends_it_while_the_app_s_close_hangs(tmp_path: Path) -> None:
    text = APP.replace("asyncio.sleep(0)", "asyncio.sleep(60, print('closing', flush=True))")
    with run_devhost(write_app(tmp_path, text)) as server:
        server.process.send_signal(signal.SIGINT)
        server.wait_until_it_says("closing")
        assert server.press_ctrl_c_until_it_ends() == 130
        assert not server.stdout().endswith("\nclosed\n")
        assert server.stderr() == ""


def test_a_second_ctrl_c_ends_it_while_a_request_hangs(tmp_path: Path) -> None:
    text = APP.replace("asyncio.sleep(0.5)", "asyncio.sleep(60, print('waiting', flush=True))")
    with run_devhost(write_app(tmp_path, text)) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"GET /api/slow HTTP/1.1\r\nHost: x\r\n\r\n")
            server.wait_until_it_says("waiting")
            server.process.send_signal(signal.SIGINT)
            server.wait_until_it_refuses_connections()
            assert server.stop(signal.SIGINT) == 0
        assert "timeout graceful shutdown exceeded" not in server.stderr()
        assert server.stdout().endswith("\nclosed\n")


def test_ctrl_c_is_not_for_a_background_job_of_a_script(tmp_path: Path) -> None:
    text = APP.replace("asyncio.sleep(0)", "asyncio.sleep(1, print('closing', flush=True))")
    with sigint(signal.SIG_IGN), run_devhost(write_app(tmp_path, text)) as server:
        server.process.send_signal(signal.SIGINT)
        assert httpx.get(f"{server.base_url}/api/slow").text == "slow"
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_it_says("closing")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=20) == 0
        assert server.stdout().endswith("\nclosed\n")


def test_a_killed_server_can_be_started_again_on_its_port(tmp_path: Path) -> None:
    write_app(tmp_path)
    with run_devhost(tmp_path) as first:
        with httpx.Client() as client:
            assert client.get(f"{first.base_url}/api/first").text == "first"
            first.kill()
        assert first.process.returncode == -signal.SIGKILL
    with run_devhost(tmp_path, port=first.port) as second:
        assert second.base_url == first.base_url
        assert httpx.get(f"{second.base_url}/api/first").text == "first"


def test_a_timer_under_way_may_finish_before_the_app_is_closed(tmp_path: Path) -> None:
    text = APP.replace("0 0 3 * * *", '0 0 3 * * *", run_on_startup=True, use_monitor="x').replace(
        "    pass\n", "    await asyncio.sleep(0.6); print('timer done', flush=True)\n"
    )
    with run_devhost(write_app(tmp_path, text)) as server:
        assert server.stop() == 0
        assert server.stdout().endswith("\ntimer done\nclosed\n")
