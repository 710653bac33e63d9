"""Settings: read once, refused if they cannot be right, and listed by the same names everywhere."""

import json
import re
from pathlib import Path

import pytest

from functions.identity.settings import AuthMode
from settings import AZURE_MARKERS, OF_THE_PLATFORM, InvalidSettings, Settings, StoreEngine

ROOT = Path(__file__).resolve().parents[1]
NAMES = {name.upper() for name in Settings.model_fields} - {name.upper() for name in OF_THE_PLATFORM}
# The host and its worker read these, not the app.
FOR_THE_HOST = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}
LEAST = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local"}
COSMOS = {"STORE_ENGINE": "cosmos", "AUTH_MODE": "local", "COSMOS_ENDPOINT": "https://a.documents.azure.com"}
CLOUD = {
    **COSMOS,
    **{"AUTH_MODE": "easyauth", "AUTH_PROVIDERS": "aad", "WEBSITE_AUTH_ENABLED": "True"},
    "WEBSITE_SITE_NAME": "app",
}
SECRET = "c2VjcmV0LWtleQ=="


def refusals(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_environ(environ)
    return refused.value.problems


def sample() -> dict[str, str]:
    values: dict[str, str] = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    return values


def test_engine_and_identity_are_named_and_never_guessed() -> None:
    settings = Settings.from_environ(LEAST)
    assert (settings.store_engine, settings.auth_mode) == (StoreEngine.SQLITE, AuthMode.LOCAL)
    for name in LEAST:
        [problem] = refusals({key: value for key, value in LEAST.items() if key != name})
        assert problem.startswith(f"{name}: ")


def test_an_empty_value_counts_as_not_set() -> None:
    assert Settings.from_environ({**dict.fromkeys(NAMES, ""), **LEAST}) == Settings.from_environ(LEAST)


def test_what_belongs_to_someone_else_is_ignored() -> None:
    others = {"PATH": "/bin", "FUNCTIONS_WORKER_RUNTIME": "python", "store_engine": "cosmos", "IN_AZURE": "true"}
    assert Settings.from_environ(LEAST | others) == Settings.from_environ(LEAST)


def test_settings_cannot_be_changed_later() -> None:
    settings = Settings.from_environ(LEAST)
    with pytest.raises(ValueError, match="frozen"):
        settings.keep_revisions = 7


def test_every_fault_of_a_value_is_named_at_once_and_where_to_mend_it() -> None:
    environ = {
        "STORE_ENGINE": "postgres",
        "AUTH_MODE": "nobody",
        "COSMOS_TIMEOUT_SECONDS": "soon",
        "KEEP_REVISIONS": "0",
        "EXPOSE_CHARGE": "perhaps",
    }
    problems = refusals(environ)
    assert [one.split(":")[0] for one in problems] == list(environ)
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_environ(environ)
    message = str(refused.value)
    assert all(problem in message for problem in problems)
    assert "local.settings.json" in message and "environment" in message


def test_every_refusal_is_named_at_once() -> None:
    problems = refusals({"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "WEBSITE_SITE_NAME": "app"})
    assert [one.split(":")[0] for one in problems] == ["STORE_ENGINE", "AUTH_MODE"]


def test_conditional_batches_can_be_forbidden() -> None:
    assert Settings.from_environ(COSMOS).cosmos_account().conditional_batch
    forbidden = COSMOS | {"COSMOS_CONDITIONAL_BATCH": "false"}
    assert not Settings.from_environ(forbidden).cosmos_account().conditional_batch


@pytest.mark.parametrize("marker", AZURE_MARKERS)
def test_what_is_for_one_machine_does_not_start_in_azure(marker: str) -> None:
    assert any("sqlite" in one for one in refusals(LEAST | {marker: "x"}))
    assert any("local" in one for one in refusals(COSMOS | {marker: "x"}))
    assert Settings.from_environ(LEAST | {marker: ""}) == Settings.from_environ(LEAST)


def test_cosmos_needs_an_endpoint_and_sqlite_nothing() -> None:
    [problem] = refusals({"STORE_ENGINE": "cosmos", "AUTH_MODE": "local"})
    assert problem.startswith("COSMOS_ENDPOINT: ")
    assert Settings.from_environ(COSMOS).cosmos_account().endpoint == COSMOS["COSMOS_ENDPOINT"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEEP_REVISIONS", "0"),
        ("KEEP_REVISIONS", "101"),
        ("KEEP_REVISIONS", "2.5"),
        ("COSMOS_TIMEOUT_SECONDS", "0"),
        ("COSMOS_TIMEOUT_SECONDS", "201"),
        ("COSMOS_TIMEOUT_SECONDS", "nan"),
        ("COSMOS_ENDPOINT_DISCOVERY", "maybe"),
        ("COSMOS_CONDITIONAL_BATCH", "always"),
        ("AUTOSAVE_COALESCE_SECONDS", "-1"),
        ("AUTOSAVE_COALESCE_SECONDS", "inf"),
        ("TOUCH_INTERVAL_SECONDS", "nan"),
        ("TOUCH_INTERVAL_SECONDS", "1e30"),
        ("SETTLE_GRACE_SECONDS", "inf"),
        ("DRAFT_RETENTION_DAYS", "9999999999"),
        ("TOMBSTONE_RETENTION_DAYS", "0"),
        ("TOMBSTONE_RETENTION_DAYS", "9999999999"),
        ("SNAPSHOT_DEFAULT_DAYS", "9999999999"),
        ("SNAPSHOT_MAX_DAYS", "-1"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: str) -> None:
    [problem] = refusals(LEAST | {name: value})
    assert problem.startswith(f"{name}: ")


def test_every_number_at_the_edge_of_its_range_can_be_used() -> None:
    """An accepted value never leads to a date that is out of range."""
    for extreme in ("least", "most"):
        environ = dict(LEAST)
        for name, field in Settings.model_fields.items():
            bounds = {
                kind: getattr(one, kind)
                for one in field.metadata
                for kind in ("ge", "le")
                if getattr(one, kind, None) is not None
            }
            bound = bounds.get("ge" if extreme == "least" else "le")
            if bound is not None:
                environ[name.upper()] = str(bound)
        settings = Settings.from_environ(environ)
        settings.store_rules()


def test_secrets_are_not_printed() -> None:
    settings = Settings.from_environ(COSMOS | {"COSMOS_KEY": SECRET})
    assert settings.cosmos_account().key == SECRET
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.cosmos_key)):
        assert SECRET not in text
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_environ({"COSMOS_KEY": SECRET, "KEEP_REVISIONS": "many", "AUTH_MODE": SECRET})
    assert SECRET not in str(refused.value) and SECRET not in repr(refused.value)


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert name in OF_THE_PLATFORM or (field.description or "").endswith("."), name


def test_the_sample_has_every_name_and_no_other() -> None:
    assert sample().keys() - FOR_THE_HOST == NAMES
    assert sample()["FUNCTIONS_WORKER_RUNTIME"] == "python"


def test_the_sample_starts_the_app_with_its_defaults() -> None:
    given = Settings.from_environ(sample())
    assert given == Settings.from_environ(LEAST | {"EXPOSE_CHARGE": "true", "WORKBENCH": "true"})


def test_the_readme_has_every_name_and_no_other() -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("README.md does not exist yet")
    rows = [line for line in readme.read_text().splitlines() if re.match(r"\|\s*`[A-Z][A-Z0-9_]+`", line)]
    named = {name for line in rows for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", line.split("|")[1])}
    assert named - FOR_THE_HOST == NAMES


def test_a_sqlite_file_always_has_the_present_format() -> None:
    cosmos = {"STORE_ENGINE": "cosmos", "COSMOS_ENDPOINT": "https://localhost", "AUTH_MODE": "local"}
    sqlite = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local"}
    for environ, stored in ((cosmos, 1), (sqlite, 2)):
        settings = Settings.from_environ({**environ, "STORED_FORMAT": "1"})
        assert settings.store_rules().sessions.stored_format == stored
        assert Settings.from_environ(environ).store_rules().sessions.stored_format == 2


@pytest.mark.parametrize(
    ("environ", "has_workbench"),
    [
        (LEAST, True),
        (LEAST | {"WORKBENCH": "false"}, False),
        (CLOUD, False),
        (CLOUD | {"WORKBENCH": "true"}, True),
    ],
)
def test_the_workbench_is_on_but_not_in_azure_unless_somebody_says_so(
    environ: dict[str, str], has_workbench: bool
) -> None:
    assert Settings.from_environ(environ).app_rules().workbench == has_workbench
