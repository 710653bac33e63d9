"""Somebody hears of faults, also when the log is full. The alerts look for what the app and Azure write."""

import re
from typing import Any

import pytest

from tests.support.bicep import bicep_file
from tests.support.bicep_values import evaluated
from tests.support.instruments import emitted

FILE, MAIN = bicep_file("alerts.bicep"), bicep_file("main.bicep")
SAMPLED = {f"App{name}" for name in ("Requests", "Traces", "Dependencies", "Exceptions", "PageViews", "Events")}
"""Tables of which Azure keeps a part: each line stands for `ItemCount` lines."""


def rules(variable: str) -> dict[str, dict[str, Any]]:
    return {str(rule["name"]): rule for rule in FILE.named("variables")[variable]["value"]}


METRIC_RULES, LOG_RULES = rules("metricRules"), rules("logRules")

COLUMNS: dict[str, dict[str, str]] = {
    "CDBPartitionKeyStatistics": {"TimeGenerated": "datetime", "SizeKb": "int"},
    "_LogOperation": {"TimeGenerated": "datetime", "Category": "string", "Detail": "string"},
    "AppRequests": {"TimeGenerated": "datetime", "ItemCount": "int", "Name": "string"},
}
"""The types of Azure, from its reference of tables, of the columns that queries use, or may use."""

_QUERY = re.compile(
    r"union isfuzzy=true \(datatable\((?P<declared>[\w: ,]+)\)\[\]\), (?P<table>\w+)"
    r'(?P<filters>(?: \| where (?:Category|Detail|Name) (?:=~|contains|startswith) "\w+")*)'
    r" \| summarize Figure = (?:(?P<count>count\(\))|(?:max|sum)\((?P<number>\w+)\))"
)
_FILTER = re.compile(r"where (\w+)")


def check_query(query: str) -> None:
    """Asserts that a query is valid before its table exists, uses columns as Azure has them, and counts no sample.

    In a union, a column with two types becomes two columns, and the query fails.
    """
    found = _QUERY.fullmatch(query)
    assert found, "it has another form"
    azure = COLUMNS[found["table"]]
    declared = dict(one.split(": ") for one in found["declared"].split(", "))
    assert declared == {name: azure[name] for name in declared}
    assert {declared[name] for name in _FILTER.findall(found["filters"])} <= {"string"}
    if found["table"] in SAMPLED:
        assert found["number"] == "ItemCount", "it counts the lines that are left of a sample"
    if found["number"]:
        assert declared[found["number"]] in ("int", "long", "real")


def test_every_rule_is_deployed_and_tells_the_same_people():
    for resource in ("for rule in metricRules: {", "for rule in logRules: {"):
        assert f"= [\n  {resource}" in FILE.text
    assert FILE.text.count("actionGroups: actionGroups") == FILE.text.count("in actionGroups: {") == 1
    assert MAIN.text.count("actionGroups: alerts.outputs.actionGroups") == 2


def test_a_full_log_silences_neither_the_app_nor_the_database():
    """Metrics do not go through the log."""
    watched = {(rule["scope"], rule["metric"]) for rule in METRIC_RULES.values()}
    assert watched == {
        ("cosmosId", "TotalRequests"),
        ("cosmosId", "ServiceAvailability"),
        ("insightsId", "savepoint.server.errors"),
        ("insightsId", "savepoint.timer.backlog"),
    }
    assert METRIC_RULES["throttling"]["dimensions"] == [
        {"name": "StatusCode", "operator": "Include", "values": ["429"]}
    ]


def test_the_metrics_of_the_app_are_those_that_it_emits_and_may_be_unseen_yet():
    ours = [rule for rule in METRIC_RULES.values() if rule["scope"] == "insightsId"]
    assert {rule["metric"] for rule in ours} < emitted()
    assert {rule["namespace"] for rule in ours} == {"azure.applicationinsights"}
    # Azure keeps the dimensions of such metrics only if somebody has opted in.
    assert not any(rule["dimensions"] for rule in ours)
    assert "skipMetricValidation: true" in FILE.text


def test_a_timer_that_does_not_keep_up_is_not_hidden_by_others_that_do():
    """Two timers run 24 times in the window, and the daily one once."""
    rule = METRIC_RULES["backlog"]
    assert (rule["aggregation"], rule["window"]) == ("Total", "PT6H")
    threshold = int(rule["threshold"])
    assert 24 * 15_000 + 24 * 0 + 0 > threshold
    assert 300_000 > threshold
    assert 24 * 3_000 + 24 * 3_000 + 3_000 < threshold


@pytest.mark.parametrize("name", LOG_RULES)
def test_a_query_works_before_its_table_exists_and_counts_no_sample(name: str):
    check_query(LOG_RULES[name]["query"])
    assert "metricMeasureColumn: 'Figure'" in FILE.text


OF_A_SAMPLE = (
    "union isfuzzy=true (datatable(TimeGenerated: datetime, ItemCount: int, Name: string)[]), AppRequests"
    ' | where Name startswith "get" | summarize Figure = sum(ItemCount)'
)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("large-owner", "isfuzzy=true ", ""),
        ("large-owner", "[]), CDB", "[]), cdb"),
        ("large-owner", "SizeKb: int", "SizeKb: real"),
        ("large-owner", "max(SizeKb)", "max(SizeKB)"),
        ("large-owner", "Figure", "Number"),
        ("full-log", "Detail contains", "Details contains"),
        ("full-log", ", Detail: string", ""),
        ("full-log", "Category: string", "Category: int"),
        ("full-log", "_LogOperation", "LogOperation"),
        ("", "sum(ItemCount)", "count()"),
    ],
)
def test_a_wrong_query_is_found(name: str, right: str, wrong: str):
    query = LOG_RULES[name]["query"] if name else OF_A_SAMPLE
    check_query(query)
    assert right in query
    with pytest.raises((AssertionError, KeyError)):
        check_query(query.replace(right, wrong))


def test_a_query_sees_two_days_at_most_and_its_health_is_watched():
    assert {rule["window"] for rule in LOG_RULES.values()} <= {"PT15M", "PT1H", "P1D", "P2D"}
    assert FILE.text.count("evaluationFrequency: 'PT15M'") == 1
    assert not any("frequency" in rule for rule in LOG_RULES.values())


def test_a_full_log_is_told_by_the_event_that_azure_writes_beyond_the_cap():
    rule = LOG_RULES["full-log"]
    assert '_LogOperation | where Category =~ "Ingestion" | where Detail contains "OverQuota"' in rule["query"]
    assert (rule["operator"], rule["threshold"], rule["window"]) == ("GreaterThan", 0, "P1D")


def test_a_person_near_the_limit_of_a_partition_is_told():
    rule = LOG_RULES["large-owner"]
    assert "CDBPartitionKeyStatistics" in rule["query"]
    gigabyte_in_kb = 1024 * 1024
    assert (rule["operator"], rule["threshold"]) == ("GreaterThan", 14 * gigabyte_in_kb)


@pytest.mark.parametrize("watch", [True, False])
def test_the_app_and_its_timers_are_asked_from_three_places_unless_that_is_switched_off(watch: bool):
    assert re.findall(r"name: '(ready|timers)'", MAIN.text) == ["ready", "timers"]
    known = {"name": "timers", "meaning": "It is late.", "severity": 2, "location": "l", "tags": {"a": "b"}}
    known |= {"insightsId": "/insights", "url": "https://x", "actionGroups": ["/people"], "watch": watch}
    made = evaluated("watch.bicep", known)
    test = made["test"]["properties"]
    alert = evaluated("watch.bicep", known | {"test": {"id": "/test"}})["alert"]["properties"]
    assert test["Request"]["RequestUrl"] == "https://x/api/health/timers"
    assert made["test"]["tags"] == {"a": "b", "hidden-link:/insights": "Resource"}
    assert (test["Frequency"], len(test["Locations"]), test["Enabled"]) == (900, 3, watch)
    assert (alert["enabled"], alert["criteria"]["failedLocationCount"]) == (watch, 2)
    assert alert["actions"] == [{"actionGroupId": "/people"}]
