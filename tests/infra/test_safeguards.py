"""What protects data and shows who changed what: a lock, soft delete, and records of changes."""

import pytest

from tests.support.bicep import bicep_file
from tests.support.bicep_values import Stopped, evaluated
from tests.support.shapes import tokens


def test_a_lock_on_the_data_is_a_choice_because_it_takes_a_right_that_few_have():
    assert bicep_file("main.bicep").named("parameters")["keepData"]["default"] is False
    cosmos = bicep_file("cosmos.bicep")
    lock = cosmos.resource("Microsoft.Authorization/locks")
    assert (lock["scope"], lock["properties"]["level"]) == ("account", "CanNotDelete")
    assert "'Microsoft.Authorization/locks@2020-05-01' = if (keepData) {" in cosmos.text


def test_a_budget_is_a_choice_and_names_its_first_month():
    assert evaluated("main.bicep", {})["budget"] == 0
    known = {"budget": 200, "budgetStart": "2026-12-01", "email": "a@example.com"}
    budget = evaluated("alerts.bicep", known)["spending"]["properties"]
    assert (budget["amount"], budget["timeGrain"]) == (200, "Monthly")
    assert budget["timePeriod"] == {"startDate": "2026-12-01"}
    for told in budget["notifications"].values():
        assert told["enabled"] and told["contactEmails"] == ["a@example.com"] and told["contactRoles"] == ["Owner"]
    assert evaluated("alerts.bicep", known | {"budget": 0})["spending"] is None
    with pytest.raises(Stopped, match="budgetStart"):
        tokens(budget=200)


def test_a_package_that_was_overwritten_or_deleted_can_be_brought_back():
    blobs = bicep_file("storage.bicep").resource("Microsoft.Storage/storageAccounts/blobServices")["properties"]
    assert blobs["deleteRetentionPolicy"] == blobs["containerDeleteRetentionPolicy"]
    assert blobs["deleteRetentionPolicy"] == {"enabled": True, "days": "keptDays"}
    assert bicep_file("storage.bicep").named("variables")["keptDays"]["value"] == 7


@pytest.mark.parametrize(
    ("name", "scope", "categories"),
    [
        ("cosmos.bicep", "account", ["ControlPlaneRequests", "PartitionKeyStatistics"]),
        ("storage.bicep", "blobs", ["StorageWrite", "StorageDelete"]),
    ],
)
def test_changes_are_recorded_without_requests_for_data(name: str, scope: str, categories: list[str]):
    """Lines of DataPlaneRequests would contain the owner id of every request."""
    record = bicep_file(name).resource("Microsoft.Insights/diagnosticSettings")
    assert (record["scope"], record["properties"]["workspaceId"]) == (scope, "workspaceId")
    assert [log["category"] for log in record["properties"]["logs"] if log["enabled"]] == categories
