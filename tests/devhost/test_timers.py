"""Timer triggers: when they fire, and that two runs of one timer never overlap."""

import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from devhost.host import resolve
from persistence.timers.schedules import Schedule
from tests.devhost.server import DevhostServer, exchange, run_devhost
from tests.support.faketime import SetClock, needs_faketime

APP = """
import asyncio, time
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

def note(text):
    with open("notes", "a") as file:
        file.write(f"{time.time()} {text}\\n")

@app.timer_trigger(arg_name="tick", schedule="%EVERY_SECOND%")
async def ticking(tick: func.TimerRequest) -> None:
    note(f"ticking {type(tick).__module__} {tick.past_due}")

@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
async def failing(timer) -> None:
    note("failing")
    raise RuntimeError("this one fails")

@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
def slow(timer) -> None:
    note("slow starts")
    time.sleep(1.2)
    note("slow ends")

@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
async def long(timer) -> None:
    note("long starts")
    await asyncio.sleep(2.2)
    note("long ends")

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
async def at_start(timer) -> None:
    note("at_start")

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=False)
async def once_a_year(timer) -> None:
    note("once_a_year")

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
async def by_hand(timer) -> None:
    note("by_hand starts")
    await asyncio.sleep(1)
    note("by_hand ends")

@app.route(route="hello", methods=["GET"])
async def hello(req):
    return "hello"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("timers")
    (folder / "function_app.py").write_text(APP)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[DevhostServer]:
    with run_devhost(folder, {"EVERY_SECOND": "* * * * * *"}) as running:
        yield running


TICKING = """
import time
import azure.functions as func

app = func.FunctionApp()

@app.timer_trigger(arg_name="tick", schedule="* * * * * *")
async def ticking(tick: func.TimerRequest) -> None:
    with open("notes", "a") as file:
        file.write(f"{time.time()} ticking\\n")
"""


def notes(folder: Path, word: str) -> list[tuple[float, str]]:
    path = folder / "notes"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(float(line.split()[0]), line.partition(" ")[2]) for line in lines if line.split()[1] == word]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 8
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_timer_fires_once_at_each_moment_of_its_schedule(server: DevhostServer, folder: Path) -> None:
    wait_for(lambda: len(notes(folder, "ticking")) >= 3)
    seconds = [int(moment) for moment, _ in notes(folder, "ticking")]
    assert seconds == sorted(set(seconds))


def test_a_handler_gets_a_timer_request_that_is_not_past_due(server: DevhostServer, folder: Path) -> None:
    wait_for(lambda: len(notes(folder, "ticking")) >= 1)
    assert notes(folder, "ticking")[0][1] == "ticking azure.functions.timer False"


def test_a_timer_that_raises_is_logged_and_fires_again(server: DevhostServer, folder: Path) -> None:
    wait_for(lambda: len(notes(folder, "failing")) >= 2)
    assert "timer failing failed" in server.stderr()
    assert "RuntimeError: this one fails" in server.stderr()


def test_two_runs_of_one_timer_never_overlap(server: DevhostServer, folder: Path) -> None:
    httpx.post(f"{server.base_url}/admin/functions/slow")
    wait_for(lambda: len(notes(folder, "slow")) >= 6)
    events = [text for _, text in notes(folder, "slow")[:6]]
    assert events == ["slow starts", "slow ends"] * 3


def test_moments_missed_during_a_long_run_are_skipped(server: DevhostServer, folder: Path) -> None:
    wait_for(lambda: len(notes(folder, "long")) >= 3)
    (_, first), (end, second), (next_start, third) = notes(folder, "long")[:3]
    assert [first, second, third] == ["long starts", "long ends", "long starts"]
    assert int(next_start) > end, "the next run waits for a moment that comes after the end of this one"


def test_a_sleep_of_the_machine_is_followed_by_one_run(server: DevhostServer, folder: Path) -> None:
    wait_for(lambda: len(notes(folder, "ticking")) >= 1)
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    before = len(notes(folder, "ticking"))
    server.process.send_signal(signal.SIGCONT)
    wait_for(lambda: len(notes(folder, "ticking")) >= before + 2)
    late, next_run = (int(moment) for moment, _ in notes(folder, "ticking")[before : before + 2])
    assert late < next_run, "the second run waits for the next whole second"


@needs_faketime
def test_timers_follow_a_clock_that_is_put_back(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(TICKING)
    clock = SetClock(tmp_path / "clock")
    with run_devhost(tmp_path, clock.env) as server:
        wait_for(lambda: len(notes(tmp_path, "ticking")) >= 2)
        clock.set("-1h")
        before = len(notes(tmp_path, "ticking"))
        wait_for(lambda: len(notes(tmp_path, "ticking")) >= before + 3)
        moments = [moment for moment, _ in notes(tmp_path, "ticking")]
        assert moments[-1] < moments[0]
        assert server.stderr().count("the clock was put back by 1:00:00") == 1
        assert server.stderr().count("the clock was put back") == 1


def test_a_timer_runs_at_start_only_where_it_asks_to(server: DevhostServer, folder: Path) -> None:
    wait_for(lambda: len(notes(folder, "at_start")) == 1)
    assert not notes(folder, "once_a_year")


def test_a_timer_runs_by_hand_in_the_background_one_after_the_other(server: DevhostServer, folder: Path) -> None:
    before = len(notes(folder, "by_hand"))
    for name in ("by_hand", "BY_HAND"):
        answer = httpx.post(f"{server.base_url}/admin/functions/{name}", json={"input": ""})
        assert (answer.status_code, answer.content) == (202, b"")
    assert len(notes(folder, "by_hand")) - before < 2
    wait_for(lambda: len(notes(folder, "by_hand")) - before == 4)
    assert [text for _, text in notes(folder, "by_hand")[before:]] == ["by_hand starts", "by_hand ends"] * 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/admin/functions/unknown", 404),
        ("POST", "/admin/functions/hello", 400),
        ("POST", "/admin/functions", 404),
        ("GET", "/admin/functions/by_hand", 404),
        ("GET", "/admin/host/status", 404),
        ("GET", "/admin", 404),
        ("GET", "/administer", 404),
    ],
)
def test_other_admin_requests_are_refused(server: DevhostServer, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, server.base_url + path)
    assert (answer.status_code, answer.content) == (status, b"")


def test_admin_lists_the_functions(server: DevhostServer) -> None:
    listed = {each["name"]: each for each in httpx.get(f"{server.base_url}/admin/functions").json()}
    assert listed["ticking"] == {"name": "ticking", "trigger": "timer", "schedule": "* * * * * *"}
    assert listed["hello"] == {"name": "hello", "trigger": "http", "route": "hello", "methods": ["GET"]}


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_admin_answers_to_the_names_of_this_machine(server: DevhostServer, name: str) -> None:
    for host in (name, f"{name}:{server.port}"):
        assert admin_status(server, host) == b"200"
        assert admin_status(server, host, f"http://{host}") == b"200"


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[x"])
def test_admin_refuses_any_other_host_name(server: DevhostServer, host: str) -> None:
    assert admin_status(server, host) == b"403"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "https://localhost", "http://localhost.evil.example"]
)  # fmt: skip
def test_admin_refuses_a_foreign_origin(server: DevhostServer, origin: str) -> None:
    assert admin_status(server, "localhost", origin) == b"403"


def admin_status(server: DevhostServer, host: str, origin: str | None = None) -> bytes:
    fields = f"Host: {host}\r\nConnection: close\r\n" + (f"Origin: {origin}\r\n" if origin else "")
    return exchange(server, f"GET /Admin/functions HTTP/1.1\r\n{fields}\r\n".encode()).split()[1]


def after(text: str, moment: str) -> str:
    return Schedule(text).after(datetime.fromisoformat(moment).replace(tzinfo=UTC)).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("schedule", "moment", "due"),
    [
        ("*/15 * * * * *", "2026-01-01T00:00:00", "2026-01-01 00:00:15"),
        ("30 5 * * * *", "2026-01-01T00:05:30", "2026-01-01 01:05:30"),
        ("0 0 3 * * *", "2026-01-01T02:59:59.999", "2026-01-01 03:00:00"),
        ("0 0 0 * * MON-FRI", "2026-01-02T12:00:00", "2026-01-05 00:00:00"),
        ("0 0 0 * * 0", "2026-01-02T12:00:00", "2026-01-04 00:00:00"),
        ("0 0 0 29 Feb *", "2026-01-01T00:00:00", "2028-02-29 00:00:00"),
        ("0 5/20 * * * *", "2026-01-01T00:05:00", "2026-01-01 00:25:00"),
    ],
)
def test_schedules_count_seconds_first(schedule: str, moment: str, due: str) -> None:
    assert after(schedule, moment) == due


def test_a_day_of_the_month_and_a_day_of_the_week_must_both_match() -> None:
    assert after("0 0 0 13 * FRI", "2026-01-01T00:00:00") == "2026-02-13 00:00:00"


@pytest.mark.parametrize(
    "schedule",
    ["", "0 0 3 * *", "0 0 3 * * * *", "60 * * * * *", "0 0 0 L * *", "0 0 0 * * 5L", "0 0 0 * * MON#1",
     "0 0 0 LW * *", "0 0 0 ? * *", "0 0 0 * * 7", "0 0 0 * * 1-7", "00:05:00", "@daily", "0 0 0 31 2 *"],
)  # fmt: skip
def test_what_ncrontab_does_not_know_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        Schedule(schedule)


def test_a_setting_may_be_all_or_part_of_a_schedule() -> None:
    environ = {"AT": "0 0 3 * * *", "HOUR": "4", "EMPTY": ""}
    assert resolve("%AT%", environ) == "0 0 3 * * *"
    assert resolve("0 0 %HOUR% * * *", environ) == "0 0 4 * * *"
    for missing in ("%NONE%", "%EMPTY%"):
        with pytest.raises(KeyError):
            resolve(missing, environ)
