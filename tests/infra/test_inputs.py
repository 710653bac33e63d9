"""The template stops with a message for what a person must not set."""

import pytest

from settings import AZURE_MARKERS
from tests.support.bicep import bicep_file
from tests.support.bicep_values import Stopped, evaluated
from tests.support.shapes import CLIENT, shape, static_web_app, tokens

WIRED = evaluated("inputs.bicep", {})["wired"]
VARIABLES = bicep_file("function-app.bicep").named("variables")


def test_somebody_must_be_able_to_sign_in():
    with pytest.raises(Stopped, match="AUTH_CLIENT_ID or STATIC_WEB_APP_HOSTNAME"):
        shape()
    for given in ({"authClientId": CLIENT}, {"staticWebAppHostname": "x.example"}):
        assert shape(**given).settings["AUTH_MODE"] in ("jwt", "swa")


def test_the_list_of_what_is_wired_is_that_of_the_app():
    written = {
        name for variable in ("wiring", "byToken", "byStaticWebApp") for name in VARIABLES[variable]["value"]
    }
    assert set(WIRED) == {name.upper() for name in written}


OTHERS = ["WEBSITE_AUTH_ENABLED", "WEBSITE_AUTH_X", "PYTHON_ENABLE_OPENTELEMETRY", "COSMOS_KEY", *AZURE_MARKERS]
OTHERS += ["APPLICATIONINSIGHTS_METRIC_NAMESPACE_OPT_IN", "COSMOS_ENDPOINT_DISCOVERY"]
OTHERS += ["AzureWebJobsStorage", "AzureWebJobsStorage__blobServiceUri"]


@pytest.mark.parametrize("name", [*WIRED, *OTHERS])
def test_what_is_wired_or_would_forge_the_platform_cannot_be_set(name: str):
    for written in {name, name.lower()}:
        for make in (tokens, static_web_app):
            with pytest.raises(Stopped, match=f"cannot set {written}"):
                make(appSettings={"KEEP_REVISIONS": "50", written: "x"})


def test_every_other_setting_of_a_person_wins_over_the_default():
    settings = tokens(appSettings={"KEEP_REVISIONS": "50", "OTEL_TRACES_SAMPLER_ARG": "1"}).settings
    assert (settings["KEEP_REVISIONS"], settings["OTEL_TRACES_SAMPLER_ARG"]) == ("50", "1")
    assert settings["NAMED_REVISIONS_MAX"] == "20"


@pytest.mark.parametrize(
    "origin",
    ["*", "https://*.example.com", "https://a.example/", "https://a.example/app", "a.example", "ftp://a.example"]
    + ["https://", "http://", "https:///", "https://a b.example", "https://A.example", "HTTPS://a.example", "null"]
    + ["https://a.example?x", "https://a.example#x", "https://me@a.example", "httpx://a.example", "//a.example"],
)
def test_what_is_no_origin_stops_the_deployment(origin: str):
    with pytest.raises(Stopped, match="CORS_ORIGINS"):
        tokens(corsOrigins=f"https://good.example,{origin}")


def test_origins_are_trimmed_and_empty_ones_left_out():
    site = tokens(corsOrigins=" https://a.example , http://localhost:4200,,\t, ").site
    assert site["siteConfig"]["cors"]["allowedOrigins"] == ["https://a.example", "http://localhost:4200"]
    assert tokens().site["siteConfig"]["cors"]["allowedOrigins"] == []
