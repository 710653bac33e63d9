"""Nothing in the cloud uses a key. One file assigns every role, each on one resource."""

import re

import pytest

from tests.support.bicep import FILES, ROOT, bicep_file

TEXTS = {path.name: path.read_text() for path in FILES}
DATABASE, STORAGE, APP = "cosmos.bicep", "storage.bicep", "function-app.bicep"
COSMOS_DATA_CONTRIBUTOR = "00000000-0000-0000-0000-000000000002"


@pytest.mark.parametrize("name", TEXTS)
def test_no_file_asks_for_a_key_or_takes_a_secret(name: str):
    """`AccountKey` is part of a connection string, `listKeys` reads a key, and `@secure` declares a secret."""
    assert not re.search(r"list\w*(Keys|Secrets|Credentials)|@secure|AccountKey|SharedAccess", TEXTS[name], re.I)


def test_cosmos_refuses_keys():
    account = bicep_file(DATABASE).resource("Microsoft.DocumentDB/databaseAccounts")["properties"]
    assert account["disableLocalAuth"] is True
    assert account["disableKeyBasedMetadataWriteAccess"] is True
    assert account["minimalTlsVersion"] == "Tls12"
    assert account["backupPolicy"]["type"] == "Continuous"


def test_cosmos_is_serverless_and_strong_unless_told_otherwise():
    defaults = {name: node["default"] for name, node in bicep_file("main.bicep").named("parameters").items()}
    assert defaults["cosmosAutoscaleMaxRu"] == 0
    assert defaults["cosmosConsistency"] == "Strong"
    assert "capabilities: serverless ? [{ name: 'EnableServerless' }] : []" in TEXTS[DATABASE]
    assert "options: serverless ? {} : { autoscaleSettings: { maxThroughput: autoscaleMaxRu } }" in TEXTS[DATABASE]


def test_storage_refuses_keys_and_the_public():
    account = bicep_file(STORAGE).resource("Microsoft.Storage/storageAccounts")["properties"]
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["supportsHttpsTrafficOnly"] is True


def test_telemetry_without_the_role_is_refused():
    file = bicep_file("monitoring.bicep")
    assert file.resource("Microsoft.Insights/components")["properties"]["DisableLocalAuth"] is True
    workspace = file.resource("Microsoft.OperationalInsights/workspaces")["properties"]
    assert workspace["features"]["disableLocalAuth"] is True


def test_the_app_speaks_https_only_and_takes_no_password():
    file = bicep_file(APP)
    app = file.resource("Microsoft.Web/sites")
    assert app["properties"]["httpsOnly"] is True
    site = app["properties"]["siteConfig"]
    assert (site["minTlsVersion"], site["scmMinTlsVersion"]) == ("1.2", "1.2")
    for name in ("ftp", "scm"):
        policy = file.resource("Microsoft.Web/sites/basicPublishingCredentialsPolicies", name)
        assert policy["properties"]["allow"] is False


def test_the_app_is_on_flex_consumption_and_has_the_one_identity():
    file = bicep_file(APP)
    assert file.resource("Microsoft.Web/serverfarms")["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    app = file.resource("Microsoft.Web/sites")
    assert app["kind"] == "functionapp,linux"
    assert app["identity"]["type"] == "UserAssigned"
    config = app["properties"]["functionAppConfig"]
    assert config["deployment"]["storage"]["authentication"]["type"] == "UserAssignedIdentity"
    assert config["runtime"] == {"name": "python", "version": "pythonVersion"}
    assert config["scaleAndConcurrency"]["triggers"]["http"] == {"perInstanceConcurrency": "httpConcurrency"}


def test_the_version_of_python_is_one_that_the_suite_runs_on():
    makefile = (ROOT / "Makefile").read_text()
    supported = re.search(r"^SUPPORTED := (.+)$", makefile, re.MULTILINE)
    assert supported is not None
    version = bicep_file("main.bicep").named("parameters")["pythonVersion"]
    allowed = next(one["argument"] for one in version["decorators"] if one["type"] == "allowed")
    assert allowed == supported[1].split()


def test_rights_are_given_in_one_file_only():
    giving = {name for name, text in TEXTS.items() if re.search(r"[rR]oleAssignments@", text)}
    assert giving == {"roles.bicep"}


def test_the_right_to_data_ends_at_the_database_for_the_app_and_for_a_person():
    file = bicep_file("roles.bicep")
    app, person = (file.named("resources")[name] for name in ("onData", "onDataByOperator"))
    assert app["config"]["properties"]["principalId"] == "principalId"
    assert person["config"]["config"]["properties"]["principalId"] == "operatorPrincipalId"
    for given in (app["config"], person["config"]["config"]):
        assert given["properties"]["scope"] == "${cosmos.id}/dbs/${cosmosDatabase}"
        assert given["properties"]["roleDefinitionId"].endswith("/${cosmosDataContributor}")
    assert file.named("variables")["cosmosDataContributor"]["value"] == COSMOS_DATA_CONTRIBUTOR


def test_no_person_has_a_role_unless_named():
    assert bicep_file("main.bicep").named("parameters")["operatorPrincipalId"]["default"] == ""
    assert "onDataByOperator" in TEXTS["roles.bicep"]
    assert "= if (!empty(operatorPrincipalId)) {" in TEXTS["roles.bicep"]


def test_every_other_right_is_limited_to_one_resource():
    resources = bicep_file("roles.bicep").named("resources").values()
    scopes = [
        node["config"]["scope"] for node in resources if node["type"] == "Microsoft.Authorization/roleAssignments"
    ]
    assert sorted(scopes) == ["insights", "storage", "storage"]


def test_everything_comes_after_the_rights_that_it_needs():
    assert bicep_file("main.bicep").named("modules")["functionApp"]["config"]["dependsOn"] == ["roles"]
