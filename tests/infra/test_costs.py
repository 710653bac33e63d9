"""docs/cost.md has the measured figures, and the formulae are those that Microsoft publishes."""

import json
import logging
import re
from collections.abc import Iterable

import pytest
from azure.monitor.opentelemetry.exporter.export.logs._exporter import _convert_log_to_envelope
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from benchmarks import month, sizes
from benchmarks.request_units import ReckoningEngine, index_terms, to_read, to_write
from benchmarks.states import states
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Create, Increment, Replace, Set
from persistence.storage.query import Query
from persistence.storage.sqlite.engine import SqliteEngine
from tests.support.bicep import ROOT, bicep_file

TOLERANCE = 0.1
NUMBER = re.compile(r"[\d,]*\d(?:\.\d+)?")


def numbers(cells: str) -> list[float]:
    return [float(number.replace(",", "")) for number in NUMBER.findall(cells)]


def rows(lines: Iterable[str]) -> dict[tuple[str, str], str]:
    """Returns the cells of each row of each table. The key is the heading and the row's first cell."""
    found: dict[tuple[str, str], str] = {}
    heading = ""
    for line in lines:
        if not line.startswith("|"):
            heading = ""
        elif not heading:
            heading = line
        else:
            first, rest = line.removeprefix("| ").split(" | ", 1)
            found[heading, first] = rest
    return found


async def test_the_tables_in_the_guide_are_those_that_are_measured():
    """Within a tenth, because documents gain fields and compression improves."""
    if not all(state.real for state in states()):
        pytest.skip("the real states are missing")
    measured = rows(sizes.tables([await sizes.measure(state) for state in states()]))
    written = rows((ROOT / "docs" / "cost.md").read_text().splitlines())
    assert len(measured) > 50
    for place, cells in measured.items():
        assert place in written, f"not in docs/cost.md: {place}"
        assert NUMBER.sub("#", written[place]) == NUMBER.sub("#", cells), place
        says, are_now = numbers(written[place]), numbers(cells)
        assert says == pytest.approx(are_now, rel=TOLERANCE, abs=1), f"run: python -m benchmarks.sizes\n{place}"


@pytest.mark.parametrize(
    ("kilobytes", "read", "write"), [(1, 1.0, 4.95), (128, 9.95, 48.19), (1024, 145.9, 625.0)]
)
def test_the_published_sizes_cost_what_is_published(kilobytes: int, read: float, write: float):
    assert to_read(kilobytes * 1024, strong=False) == pytest.approx(read)
    assert to_read(kilobytes * 1024) == pytest.approx(2 * read)
    assert to_write(kilobytes * 1024) == pytest.approx(write)


def test_between_two_sizes_is_a_straight_line_and_less_than_the_smallest_costs_the_smallest():
    assert to_write(96 * 1024) == pytest.approx((22.67 + 48.19) / 2)
    assert to_read(10, strong=False) == 1.0
    assert to_write(1_500_000) > to_write(1_400_000)


def test_a_path_with_a_composite_index_makes_three_terms_and_a_missing_one_none():
    item = {"id": "1", "owner_id": "me", "kind": "session", "metadata": {"title": "T"}}
    terms = {name for name, _ in index_terms(SESSIONS, item)}
    title = {"metadata.title", "metadata.title, id ascending", "metadata.title, id descending"}
    assert terms == {"id", "owner_id", "kind"} | title


async def test_each_verb_costs_what_its_formula_says(tmp_path):
    engine = ReckoningEngine(SqliteEngine(tmp_path))
    item = {"id": "1", "owner_id": "me", "kind": "k", "n": 1}
    etag = await engine.create(SESSIONS, item)
    await engine.replace(SESSIONS, {**item, "status": "new"}, etag)
    await engine.patch(SESSIONS, "1", "me", [Increment("n"), Set("status", "other")])
    await engine.read(SESSIONS, "1", "me")
    await engine.commit(SESSIONS, "me", [Create({**item, "id": "2"})])
    await engine.delete(SESSIONS, "2", "me")
    await engine.close()
    smallest, terms = 4.95, 0.2 * 3  # id, owner_id, kind
    costs = {
        "create": smallest + terms,
        "replace": 2 * smallest + 0.2,  # one term is added
        "patch": 2 * smallest + 2 * 0.2 + 2 * 0.4,  # one term removed, one added; two properties
        "read": 2.0,
        "delete": smallest + terms,
    }
    assert [call.verb for call in engine.calls] == ["create", "replace", "patch", "read", "create", "delete"]
    assert [call.at(strong=True) for call in engine.calls] == pytest.approx(
        [costs[call.verb] for call in engine.calls]
    )


async def test_a_commit_costs_the_sum_of_its_operations(tmp_path):
    engine = ReckoningEngine(SqliteEngine(tmp_path))
    head, content = ({"id": id, "owner_id": "me", "kind": id} for id in ("head", "content"))
    etag = await engine.create(SESSIONS, head)
    [etag, _] = await engine.commit(SESSIONS, "me", [Replace({**head, "n": 1}, etag), Create(content)])
    in_one_commit = engine.calls[1:]
    engine.calls.clear()
    await engine.create_then_replace(SESSIONS, [{**content, "id": "another"}], {**head, "n": 2}, etag)
    await engine.close()
    assert sorted(call.verb for call in in_one_commit) == sorted(call.verb for call in engine.calls)
    assert sum(call.units for call in in_one_commit) == pytest.approx(sum(call.units for call in engine.calls))


async def test_a_list_costs_by_what_it_loads_and_reads_cost_half_below_strong(tmp_path):
    engine = ReckoningEngine(SqliteEngine(tmp_path))
    for number in range(3):
        await engine.create(SESSIONS, {"id": str(number), "owner_id": "me", "kind": "k"})
    engine.calls.clear()
    await engine.query(SESSIONS, Query("k", "me", ("id",), page_size=2))
    await engine.close()
    [call] = engine.calls
    assert call.at(strong=False) == pytest.approx(2.5 + 2 * 1.0)
    assert call.at(strong=True) == 2 * call.at(strong=False)


def test_the_flood_is_priced_at_the_limits_that_a_deployment_has():
    parameters = bicep_file("main.bicep").named("parameters")
    assert month.FLOOD_INSTANCES == parameters["maximumInstanceCount"]["default"]
    assert month.DAILY_CAP_GB == parameters["logDailyCapGb"]["default"]
    assert month.INSTANCE_GB * 1024 == parameters["instanceMemoryMB"]["default"]


def test_our_log_line_is_as_long_as_the_calculation_says():
    """As the distribution exports it, with the ids of a request."""
    lines = InMemoryLogRecordExporter()
    resource = Resource.create({"service.name": "func-savepoint-abcdefghijklm"})
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(SimpleLogRecordProcessor(lines))
    line = logging.LogRecord(
        "savepoint.requests",
        logging.INFO,
        "/home/site/wwwroot/functions/http/api.py",
        128,
        "get_session_metadata 200 12.3 ms 2.28 RU in 1 calls",
        None,
        None,
        "_serve",
    )
    with TracerProvider(resource=resource).get_tracer("worker").start_as_current_span("get_session_metadata"):
        LoggingHandler(logger_provider=provider).emit(line)
    [exported] = lines.get_finished_logs()
    envelope = _convert_log_to_envelope(exported)
    envelope.instrumentation_key = "00000000-0000-0000-0000-000000000000"
    size = len(json.dumps(envelope.as_dict(), default=str))
    assert size == pytest.approx(month.LINE_BYTES, rel=TOLERANCE)


def test_the_backup_of_a_year_costs_what_the_guide_says():
    guide = (ROOT / "docs" / "cost.md").read_text()
    grown = re.search(r"12 x ([\d.]+) GB = (\d+) GB", guide)
    assert grown is not None and round(12 * float(grown[1])) == int(grown[2])
    price = int(grown[2]) * month.PER_BACKED_UP_GB
    assert f"| its backup of 30 days | {grown[2]} GB, {price:.0f} dollars a month |" in guide


def test_the_worked_month_adds_up():
    units = {habit.operation: (2.0, 1.0) for habit in month.HABITS} | {month.TIMER: (0.0, 0.0)}
    items = {"content": 0, "head, full history": 0, "snapshot": 0, "line of activity": 0}
    rows = {row[0]: row for row in month.bill(units, items)}
    times = sum(one.times for one in month.HABITS if one.operation not in month.REMOVED) * month.PEOPLE
    removals = month.with_removals({}, items)
    removed = sum(one.times * removals[one.operation][0] for one in month.HABITS if one.operation in month.REMOVED)
    assert removed > 0
    total = 2 * times + removed * month.PEOPLE
    assert rows["Cosmos DB, request units, Strong"][1] == f"{total / 1e6:,.0f} million"
    assert rows["Cosmos DB, storage added in the month"][2] == "0"
    saved = int(rows["**together**"][2].strip("*")) - int(rows["with Session in place of Strong"][2])
    assert saved == pytest.approx(times / 1e6 * month.PER_MILLION_UNITS, abs=1)
