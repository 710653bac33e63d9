"""What is decided of Cosmos DB before the first deployment, and where a restored account goes."""

import re
from typing import Any

from settings import Settings
from tests.support.bicep import FILES, bicep_file
from tests.support.bicep_values import evaluated
from tests.support.shapes import AZURE, REQUIRED

KNOWN = {"monitoring": {"outputs": {"workspaceId": "/logs"}}}
PARAMETERS = bicep_file("main.bicep").named("parameters")


def account(**parameters: Any) -> dict[str, Any]:
    """Returns the account that the template writes."""
    main = evaluated("main.bicep", {**AZURE, **REQUIRED, **KNOWN, **parameters})
    written: dict[str, Any] = evaluated("cosmos.bicep", main["cosmos"]["params"])["account"]
    return written


def allowed(name: str) -> list[Any]:
    [found] = [one["argument"] for one in PARAMETERS[name]["decorators"] if one["type"] == "allowed"]
    return list(found)


def test_a_restore_reaches_as_far_back_as_drafts_and_tombstones_live():
    tier = account()["properties"]["backupPolicy"]["continuousModeProperties"]["tier"]
    days = re.fullmatch(r"Continuous(\d+)Days", tier)
    assert days is not None
    for name in ("draft_retention_days", "trash_retention_days", "tombstone_retention_days"):
        assert int(days[1]) >= Settings.model_fields[name].default
    assert allowed("backupTier") == ["Continuous7Days", "Continuous30Days"]


def test_zones_are_a_choice():
    assert [one["isZoneRedundant"] for one in account()["properties"]["locations"]] == [False]
    assert [one["isZoneRedundant"] for one in account(zoneRedundant=True)["properties"]["locations"]] == [True]


def test_a_restored_account_takes_the_place_of_ours():
    assert account()["name"] == "cosmos-savepoint-abc123"
    assert account(cosmosAccountName="restored")["name"] == "restored"
    # Roles and settings follow, because they read the outputs.
    text = bicep_file("main.bicep").text
    assert "cosmosName: cosmos.outputs.name" in text and "cosmosEndpoint: cosmos.outputs.endpoint" in text


def test_the_memory_of_an_instance_is_one_that_azure_accepts():
    assert allowed("instanceMemoryMB") == [2048, 4096]


def test_loops_are_written_as_the_formatter_writes_them():
    assert not [path.name for path in FILES if "[for " in path.read_text()]


def test_one_version_of_the_api_is_used_of_each_kind():
    used: dict[str, set[str]] = {}
    for path in FILES:
        for kind, version in re.findall(r"'(Microsoft\.[\w./]+)@([\w-]+)'", path.read_text()):
            used.setdefault(kind.split("/")[0], set()).add(version)
    several = {name: versions for name, versions in used.items() if len(versions) > 1}
    assert set(several) <= {"Microsoft.Insights", "Microsoft.Authorization"}
