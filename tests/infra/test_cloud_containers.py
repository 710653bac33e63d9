"""The cloud has the containers that the code declares."""

import json

import pytest

from infra import containers
from persistence.storage.containers import CONTAINERS, Container
from tests.support.bicep import bicep_file

BY_ID = {one["id"]: one for one in json.loads(containers.FILE.read_text())}


def test_the_file_is_what_the_code_writes():
    assert containers.FILE.read_text() == containers.text(), "run: python -m infra.containers"


def test_no_container_is_missing_or_too_many():
    assert list(BY_ID) == [container.name for container in CONTAINERS]


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container.name)
def test_keys_and_indexes_are_those_of_the_code(container: Container):
    assert BY_ID[container.name]["partitionKey"]["paths"] == [f"/{container.partition_key}"]
    assert BY_ID[container.name]["indexingPolicy"] == container.indexing_policy()


def test_no_item_goes_by_itself():
    assert not [name for name, definition in BY_ID.items() if "defaultTtl" in definition]


def test_bicep_makes_a_container_of_each_and_adds_nothing():
    file = bicep_file("cosmos.bicep")
    made = file.resource("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers")
    assert made["properties"] == {"resource": "container"}
    assert "= [\n  for container in containers: {" in file.text
    assert "var containers = loadJsonContent('containers.json')" in file.text


def test_the_database_is_called_as_the_settings_call_it_by_default():
    from settings import Settings

    assert bicep_file("cosmos.bicep").named("variables")["database"]["value"] == (
        Settings.model_fields["cosmos_database"].default
    )
