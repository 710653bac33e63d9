"""The cloud, the sample and the README have the same settings as the code."""

import json
from typing import Any

import pytest

from settings import OF_THE_PLATFORM, Settings
from tests.support.bicep import ROOT, bicep_file
from tests.support.shapes import tokens

NAMES = {name.upper() for name in Settings.model_fields if name not in OF_THE_PLATFORM}

NOT_IN_THE_CLOUD = {
    "DATA_DIR": "for SQLite only",
    "LOCAL_ORIGINS": "for AUTH_MODE=local, which Azure refuses",
    "COSMOS_KEY": "the cloud uses identities, not keys",
    "WORKBENCH": "off in Azure, unless `appSettings` has it",
    "COSMOS_ENDPOINT_DISCOVERY": "false for emulators only",
}


def app_settings(variable: str) -> dict[str, Any]:
    return dict(bicep_file("function-app.bicep").named("variables")[variable]["value"])


DEFAULTS, WIRING = app_settings("defaults"), app_settings("wiring")
SIGN_IN = {**app_settings("byToken"), **app_settings("byStaticWebApp")}


def as_text(default: object) -> str:
    """Returns a default in the form of an app setting."""
    if isinstance(default, bool):
        return str(default).lower()
    return str(int(default)) if isinstance(default, float) and default.is_integer() else str(default)


def test_the_cloud_has_every_setting_but_those_that_are_named_here():
    ours = {name for name in {*DEFAULTS, *WIRING, *SIGN_IN} if name in NAMES}
    assert ours == NAMES - set(NOT_IN_THE_CLOUD)
    assert not set(NOT_IN_THE_CLOUD) - NAMES, "named here, but no longer a setting"


def test_nothing_that_can_be_tuned_is_misspelt():
    assert not set(DEFAULTS) - NAMES


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_defaults_are_those_of_the_code(name: str):
    assert DEFAULTS[name] == as_text(Settings.model_fields[name.lower()].default)


def test_what_is_wired_wins_over_what_a_person_sets_and_that_over_the_defaults():
    assert "properties: union(defaults, appSettings, wiring, signIn)" in bicep_file("function-app.bicep").text


def test_the_app_starts_with_these_settings():
    settings = Settings.from_environ(tokens().settings | {"WEBSITE_SITE_NAME": "func"})
    assert settings.in_azure
    assert settings.store_engine == "cosmos"
    assert settings.cosmos_endpoint == "https://c.documents.azure.com/"
    assert settings.cosmos_key is None
    assert not settings.expose_charge


def test_telemetry_goes_out_as_the_identity_and_from_the_worker_too():
    assert WIRING["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] == "Authorization=AAD;ClientId=${identityClientId}"
    assert WIRING["PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY"] == "true"
    assert json.loads((ROOT / "host.json").read_text())["telemetryMode"] == "OpenTelemetry"
    assert "azure-monitor-opentelemetry" in (ROOT / "requirements.txt").read_text(), "the worker imports it"


def test_the_host_gets_at_its_storage_as_the_identity():
    assert WIRING["AzureWebJobsStorage__credential"] == "managedidentity"
    assert WIRING["AzureWebJobsStorage__clientId"] == WIRING["AZURE_CLIENT_ID"] == "identityClientId"
    assert "AzureWebJobsStorage" not in WIRING, "a connection string would contain a key"


def test_the_sample_lists_the_same_names():
    sample = set(json.loads((ROOT / "local.settings.sample.json").read_text())["Values"])
    assert sample - {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"} == NAMES


def test_the_readme_lists_the_same_names():
    readme = (ROOT / "README.md").read_text()
    assert not [name for name in NAMES if f"`{name}`" not in readme]
