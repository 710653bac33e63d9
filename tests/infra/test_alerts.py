"""Somebody hears of faults, also when the log is full. The alerts look for what the app and Azure write."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.bicep import ROOT, bicep_file
from tests.support.bicep_values import evaluated

FILE, MAIN = bicep_file("alerts.bicep"), bicep_file("main.bicep")
SAMPLED = ("AppRequests", "AppTraces", "AppDependencies", "AppExceptions", "requests", "traces")
"""Tables of which Azure keeps a part: each line stands for `ItemCount` lines."""


def rules(variable: str) -> dict[str, dict[str, Any]]:
    return {str(rule["name"]): rule for rule in FILE.named("variables")[variable]["value"]}


METRIC_RULES, LOG_RULES = rules("metricRules"), rules("logRules")


COLUMNS: dict[str, dict[str, str]] = {
    "CDBPartitionKeyStatistics": {"TimeGenerated": "datetime", "SizeKb": "int"},
    "_LogOperation": {"TimeGenerated": "datetime", "Category": "string", "Detail": "string"},
}
"""The types of Azure, from its reference of tables, of the columns that the queries use."""

_TEXT_USES = re.compile(
    r"\b(\w+) (?:startswith|contains|=~) |to(?:int|long)\((\w+)\)|extract\([^()]*(?:\([^()]*\)[^()]*)*, (\w+)\)"
)
_NUMBER_USES = re.compile(r"\b(?:max|min|sum|avg)\((\w+)\)")


def table_of(query: str) -> str:
    [table] = [name for name in COLUMNS if re.search(rf"(?<!\w){name}\b", query)]
    return table


def emitted() -> set[str]:
    """The names of the metrics in the code."""
    text = "\n".join(
        path.read_text() for package in ("functions", "persistence") for path in Path(ROOT, package).rglob("*.py")
    )
    names = set(re.findall(r'"(savepoint\.[a-z.]+)"', text))
    return names | {f"savepoint.timer.{name}" for name in re.findall(r'_histogram\("([a-z]+)"', text)}


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
    query = LOG_RULES[name]["query"]
    assert re.match(r"union isfuzzy=true \(datatable\([\w: ,]+\)\[\]\), \w+ \| ", query)
    tables = set(re.findall(r"\w+", query)) & set(SAMPLED)
    assert not tables or ("count()" not in query and "sum(ItemCount)" in query)
    assert re.search(r"summarize Figure = (count\(\)|max\(\w+\))$", query)
    assert "metricMeasureColumn: 'Figure'" in FILE.text


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


def test_every_query_uses_columns_as_azure_types_them():
    """A column of another type is another column for a union, and no text for a comparison of texts."""
    texts, numbers = 0, 0
    for rule in LOG_RULES.values():
        columns = COLUMNS[table_of(rule["query"])]
        query = re.sub(r'"[^"]*"', '""', rule["query"])
        for name in {name for found in _TEXT_USES.findall(query) for name in found if name}:
            assert columns[name] == "string", f"{rule['name']}: {name}"
            texts += 1
        for name in _NUMBER_USES.findall(query):
            assert columns[name] in ("int", "long", "real"), f"{rule['name']}: {name}"
            numbers += 1
    assert (texts, numbers) == (2, 1), "each use is found"


def test_a_table_that_stands_in_has_the_types_of_azure():
    """In a union, a column with two types becomes two columns, and the query fails."""
    stand_ins = 0
    for rule in LOG_RULES.values():
        for declared in re.findall(r"datatable\(([^)]*)\)", rule["query"]):
            columns = dict(one.split(": ") for one in declared.split(", "))
            azure = COLUMNS[table_of(rule["query"])]
            assert columns == {name: azure[name] for name in columns}
            stand_ins += 1
    assert stand_ins == len(LOG_RULES)


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
