"""What Flex Consumption refuses, which no compiler knows: ARM 51021 in some regions, silence in others."""

import re
from typing import Any

import pytest

from tests.support.bicep import FILES, bicep_file
from tests.support.bicep_values import Stopped, evaluated

FLEX = bicep_file("function-app.bicep")
ACCEPTED = {"minTlsVersion", "scmMinTlsVersion", "http20Enabled", "cors"}
REFUSED_PROPERTIES = (
    "alwaysOn ftpsState functionAppScaleLimit functionsRuntimeScaleMonitoringEnabled linuxFxVersion "
    "netFrameworkVersion use32BitWorkerProcess windowsFxVersion"
).split()
REFUSED_SETTINGS = (
    "ENABLE_ORYX_BUILD FUNCTIONS_EXTENSION_VERSION FUNCTIONS_MAX_HTTP_CONCURRENCY "
    "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED FUNCTIONS_WORKER_PROCESS_COUNT FUNCTIONS_WORKER_RUNTIME "
    "FUNCTIONS_WORKER_RUNTIME_VERSION SCM_DO_BUILD_DURING_DEPLOYMENT WEBSITE_CONTENTAZUREFILECONNECTIONSTRING "
    "WEBSITE_CONTENTOVERVNET WEBSITE_CONTENTSHARE WEBSITE_LOAD_CERTIFICATES WEBSITE_NODE_DEFAULT_VERSION "
    "WEBSITE_RUN_FROM_PACKAGE WEBSITE_SKIP_CONTENTSHARE_VALIDATION"
).split()


def checked(settings: dict[str, str]) -> Any:
    """Returns what the template makes of the settings of a person. Raises Stopped."""
    return evaluated("inputs.bicep", {"appSettings": settings}).output("appSettings")


def test_the_site_has_the_four_properties_that_are_accepted_and_no_other():
    app = FLEX.resource("Microsoft.Web/sites")
    assert set(app["properties"]["siteConfig"]) == ACCEPTED


@pytest.mark.parametrize("name", REFUSED_PROPERTIES)
def test_no_file_sets_a_property_that_is_refused(name: str):
    assert not [path.name for path in FILES if re.search(rf"^\s*{name}:", path.read_text(), re.MULTILINE)]


def test_ftp_is_forbidden_by_its_policy():
    for name in ("ftp", "scm"):
        policy = FLEX.resource("Microsoft.Web/sites/basicPublishingCredentialsPolicies", name)
        assert policy["properties"] == {"allow": False}


@pytest.mark.parametrize("name", REFUSED_SETTINGS)
def test_a_setting_that_is_refused_stops_the_deployment_with_its_name(name: str):
    for written in (name, name.lower()):
        with pytest.raises(Stopped, match=f"refuses {written}"):
            checked({"KEEP_REVISIONS": "50", written: "x"})


def test_the_template_itself_sets_none_and_accepts_the_others():
    ours = {**FLEX.named("variables")["defaults"]["value"], **FLEX.named("variables")["wiring"]["value"]}
    assert not set(REFUSED_SETTINGS) & {name.upper() for name in ours}
    assert checked({"KEEP_REVISIONS": "50", "PYTHON_THREADPOOL_THREAD_COUNT": "4"}) == {
        "KEEP_REVISIONS": "50",
        "PYTHON_THREADPOOL_THREAD_COUNT": "4",
    }
