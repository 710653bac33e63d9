"""Somebody hears of faults, also when the log is full. The alerts look for what the app and Azure write."""

import ast
import logging
import re
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from cronsim import CronSim

from functions.timers import _run
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.timers.run import Timers
from settings import Settings
from tests.support.bicep import ROOT, bicep_file
from tests.support.timers import records

FILE = bicep_file("alerts.bicep")


def rules(variable: str) -> dict[str, dict[str, Any]]:
    return {str(rule["name"]): rule for rule in FILE.named("variables")[variable]["value"]}


METRIC_RULES, LOG_RULES = rules("metricRules"), rules("logRules")
TIMER_RULE = FILE.named("variables")["timerRules"]["value"]["config"]
WATCHED = FILE.named("variables")["timers"]["value"]


def timers() -> list[str]:
    """Returns the names of the app's timers, in order."""
    tree = ast.parse((ROOT / "functions" / "timers.py").read_text())
    names = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef)
        and "timer_trigger" in "".join(map(ast.dump, node.decorator_list))
    ]
    assert names
    return names


def test_every_rule_is_deployed_and_tells_the_same_people():
    for resource in ("for rule in metricRules: {", "for rule in concat(logRules, timerRules): {"):
        assert f"= [\n  {resource}" in FILE.text
    assert FILE.text.count("actionGroups: actionGroups") == FILE.text.count("in actionGroups: {") == 1


def test_a_full_log_silences_neither_server_errors_nor_the_database():
    """Metrics do not go through the log."""
    watched = {(rule["scope"], rule["metric"]) for rule in METRIC_RULES.values()}
    assert watched == {
        ("cosmosId", "TotalRequests"),
        ("cosmosId", "ServiceAvailability"),
        ("functionAppId", "Http5xx"),
    }
    assert METRIC_RULES["throttling"]["dimensions"] == [
        {"name": "StatusCode", "operator": "Include", "values": ["429"]}
    ]


def test_a_full_log_is_told_once_a_day_by_the_event_that_azure_writes_beyond_the_cap():
    rule = LOG_RULES["full-log"]
    assert rule["query"].startswith(
        '_LogOperation | where Category =~ "Ingestion" | where Detail contains "OverQuota"'
    )
    assert (rule["operator"], rule["threshold"], rule["window"]) == ("GreaterThan", 0, "P1D")


def test_a_person_near_the_limit_of_a_partition_is_told_also_before_the_table_exists():
    rule = LOG_RULES["large-owner"]
    assert "union isfuzzy=true (datatable(" in rule["query"] and "CDBPartitionKeyStatistics" in rule["query"]
    gigabyte_in_kb = 1024 * 1024
    assert (rule["operator"], rule["threshold"]) == ("GreaterThan", 14 * gigabyte_in_kb)


def test_the_log_shows_server_errors():
    assert "between (500 .. 599)" in LOG_RULES["server-errors"]["query"]


def test_every_query_makes_the_column_that_is_measured():
    assert "metricMeasureColumn: 'Figure'" in FILE.text
    for rule in [*LOG_RULES.values(), TIMER_RULE]:
        assert re.search(r"(summarize Figure = (count\(\)|max\(\w+\))|, Figure)$", rule["query"])


@pytest.mark.parametrize("end", [":", " in part:"])
@pytest.mark.parametrize("name", timers())
def test_the_alert_reads_the_backlog_in_the_line_of_a_timer(name: str, end: str):
    query = LOG_RULES["backlog"]["query"]
    backlog = re.search(r'Figure = tolong\(extract\("([^"]+)", 2, Message\)\)', query)
    timer = re.search(r'Timer = extract\("([^"]+)", 0, Message\)', query)
    assert backlog is not None and timer is not None
    line = f"{name}{end} {{'swept': 3}} in 0.1 s for 2.5 RU, backlog 21000, trash_bytes 77, oldest_unsettled_s 5"
    found, called = re.search(backlog[1], line), re.search(timer[1], line)
    assert found is not None and found[2] == "21000"
    assert called is not None and called[0] == name
    assert not re.search(backlog[1], "GET sessions backlog 21000")


def test_a_backlog_is_reported_if_it_is_more_than_a_run_can_do_and_does_not_shrink():
    rule = LOG_RULES["backlog"]
    assert rule["threshold"] == Settings.model_fields["timer_items_max"].default
    assert (rule["aggregation"], rule["operator"]) == ("Minimum", "GreaterThan")
    assert [one["name"] for one in rule["dimensions"]] == ["Timer"]


def test_every_timer_is_missed_when_it_does_not_run():
    assert [timer["name"] for timer in WATCHED] == timers()
    assert (TIMER_RULE["operator"], TIMER_RULE["threshold"]) == ("LessThan", 1)


async def test_the_alert_looks_for_the_line_that_a_timer_writes(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert TIMER_RULE["query"].startswith('AppTraces | where Message startswith "${timer.name}:" |')
    engine = SqliteEngine(tmp_path)
    with caplog.at_level(logging.INFO):
        await _run(Timers((), engine), records(engine), "sweep_sessions")
    await engine.close()
    assert [record.message for record in caplog.records if record.message.startswith("sweep_sessions:")]


def test_a_timer_may_be_silent_for_longer_than_it_lies_between_two_runs():
    hours = {"PT2H": 2, "P2D": 48}
    defaults = bicep_file("function-app.bicep").named("variables")["defaults"]["value"]
    schedules = {
        "mark_deleted_snapshot_logs": defaults["CLEANUP_SCHEDULE"],
        "sweep_sessions": defaults["CLEANUP_SCHEDULE"],
        "purge_stale_drafts": defaults["PURGE_SCHEDULE"],
    }
    for timer in WATCHED:
        first, second = islice(CronSim(schedules[timer["name"]], datetime(2026, 1, 1)), 2)
        assert timedelta(hours=hours[timer["window"]]) >= 2 * (second - first)
