"""The app as the Functions host sees it: names, routes and methods, all of which the host accepts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from persistence.timers.schedules import Schedule

ROOT = Path(__file__).resolve().parents[1]

HTTP = """
create_session            POST    persistence/sessions
get_sessions_metadata     GET     persistence/sessions
get_session               GET     persistence/sessions/{session_id}
get_session_metadata      GET     persistence/sessions/metadata/{session_id}
update_session            PUT     persistence/sessions/{session_id}
patch_session             PATCH   persistence/sessions/{session_id}
delete_session            DELETE  persistence/sessions/{session_id}
get_session_content       GET     persistence/sessions/{session_id}/content
put_session_content       PUT     persistence/sessions/{session_id}/content
patch_session_content     PATCH   persistence/sessions/{session_id}/content
copy_session              POST    persistence/sessions/{session_id}/copy
close_session             POST    persistence/sessions/{session_id}/close
reopen_session            POST    persistence/sessions/{session_id}/reopen
touch_session             PUT     persistence/sessions/{session_id}/touch
validate_session          GET     persistence/sessions/{session_id}/validate
get_session_revisions     GET     persistence/sessions/{session_id}/revisions
get_session_revision      GET     persistence/sessions/{session_id}/revisions/{version}
name_session_revision     PUT     persistence/sessions/{session_id}/revisions/{version}/name
unname_session_revision   DELETE  persistence/sessions/{session_id}/revisions/{version}/name
restore_session_revision  POST    persistence/sessions/{session_id}/revisions/{version}/restore
get_drafts_metadata       GET     persistence/drafts
find_latest_draft         GET     persistence/drafts/latest
get_draft                 GET     persistence/drafts/{draft_id}
put_draft                 PUT     persistence/drafts/{draft_id}
promote_draft             POST    persistence/drafts/{draft_id}/promote
delete_draft              DELETE  persistence/drafts/{draft_id}
get_restorable            GET     persistence/restore
get_trash                 GET     persistence/trash
restore_from_trash        POST    persistence/trash/{session_id}/restore
purge_from_trash          DELETE  persistence/trash/{session_id}
empty_trash               DELETE  persistence/trash
sync_sessions             POST    persistence/sync
get_session_export        GET     persistence/sessions/{session_id}/export
import_sessions           POST    persistence/import
create_snapshot           POST    persistence/snapshots
get_snapshots_metadata    GET     persistence/snapshots
get_snapshot              GET     persistence/snapshots/{snapshot_id}
delete_snapshot           DELETE  persistence/snapshots/{snapshot_id}
get_snapshot_content      GET     persistence/snapshots/{snapshot_id}/content
get_snapshot_stats        GET     persistence/snapshots/{snapshot_id}/stats
get_snapshot_visitors     GET     persistence/snapshots/{snapshot_id}/visitors
get_snapshot_access_logs  GET     persistence/snapshot_access_logs
delete_snapshot_access_log  DELETE  persistence/snapshot_access_logs/{snapshot_id}
get_activity              GET     persistence/activity
get_me                    GET     persistence/me
delete_me                 DELETE  persistence/me
get_export                GET     persistence/export
get_usage                 GET     persistence/usage
get_health_live           GET     health/live
get_health_ready          GET     health/ready
get_health_timers         GET     health/timers
get_openapi               GET     openapi.json
get_docs                  GET     docs
get_client_config         GET     client/config
get_client_file           GET     client/{file}
get_workbench             GET     workbench
get_workbench_file        GET     workbench/{page}
"""
TIMERS = {"mark_deleted_snapshot_logs", "sweep_sessions", "purge_stale_drafts"}
EXPECTED_HTTP = {
    name: ("GET", "HEAD", route) if method == "GET" else (method, route)
    for name, method, route in map(str.split, HTTP.strip().splitlines())
} | {"zz_unknown": ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT", "persistence/{*rest}")}

INDEX = """
import inspect, json, sys, time
started = time.perf_counter()
import function_app
seconds = time.perf_counter() - started
functions = []
for one in function_app.app.get_functions():
    handler = one.get_user_function()
    functions.append({
        "name": one.get_function_name(),
        "bindings": one.get_bindings_dict()["bindings"],
        "parameters": [str(parameter) for parameter in inspect.signature(handler).parameters.values()],
        "is_async": inspect.iscoroutinefunction(handler),
        "returns": str(inspect.signature(handler).return_annotation),
    })
print(json.dumps({
    "functions": functions,
    "modules": sorted(sys.modules),
    "close_is_async": inspect.iscoroutinefunction(function_app.close),
}, default=str))
"""


def index(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Imports function_app and reads its functions. In a new process, because a process can do that once."""
    env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "SYSTEMROOT")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", INDEX],
        cwd=ROOT,
        env={**env, "DATA_DIR": str(folder / "data"), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = index(tmp_path_factory.mktemp("app"), STORE_ENGINE="sqlite", AUTH_MODE="local")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def trigger(function: dict[str, Any]) -> dict[str, Any]:
    [found] = [one for one in function["bindings"] if one["type"].endswith("Trigger")]
    return dict(found)


def http_functions(indexed: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in indexed["functions"] if trigger(one)["type"] == "httpTrigger"]


@pytest.mark.smoke
def test_the_app_has_exactly_the_expected_functions(indexed: dict[str, Any]) -> None:
    found = {one["name"]: (*trigger(one)["methods"], trigger(one)["route"]) for one in http_functions(indexed)}
    assert found == EXPECTED_HTTP
    timers = [one["name"] for one in indexed["functions"] if trigger(one)["type"] == "timerTrigger"]
    assert sorted(timers) == sorted(TIMERS)
    assert len(indexed["functions"]) == len(EXPECTED_HTTP) + len(TIMERS)


def test_identity_is_the_apps_own_to_check(indexed: dict[str, Any]) -> None:
    # Function keys identify machines. AUTH_MODE identifies people.
    assert {trigger(one)["authLevel"] for one in http_functions(indexed)} == {"ANONYMOUS"}


def test_every_handler_takes_the_request_and_nothing_else(indexed: dict[str, Any]) -> None:
    for one in http_functions(indexed):
        assert trigger(one)["name"] == "req"
        [parameter] = one["parameters"]
        assert parameter.split(":")[0] == "req" and "=" not in parameter, one["name"]
        assert one["is_async"], one["name"]
        assert "Optional" not in one["returns"] and "None" not in one["returns"], one["name"]


def test_timers_have_a_schedule_and_do_not_run_at_every_start(indexed: dict[str, Any]) -> None:
    for one in indexed["functions"]:
        binding = trigger(one)
        if binding["type"] == "timerTrigger":
            Schedule(binding["schedule"])
            assert str(binding.get("runOnStartup", False)).lower() == "false"
            assert len(one["parameters"]) == 1 and one["is_async"]


def test_routes_are_one_resource_each_and_cannot_be_told_apart_by_case_alone(indexed: dict[str, Any]) -> None:
    routes = [(trigger(one)["methods"][0], trigger(one)["route"]) for one in http_functions(indexed)]
    assert len({(method, route.lower()) for method, route in routes}) == len(routes)
    for _, route in routes:
        # The host adds the prefix, and reserves /admin.
        assert not route.startswith(("/", "api", "admin")) and not route.endswith("/")


def test_importing_the_app_loads_only_the_engine_that_is_named(indexed: dict[str, Any]) -> None:
    loaded = set(indexed["modules"])
    assert "persistence.storage.sqlite.engine" in loaded
    assert not {name for name in loaded if name.startswith(("azure.cosmos", "azure.identity"))}


def of_telemetry(indexed: dict[str, Any]) -> set[str]:
    """The packages that count, send or show telemetry."""
    roots = ("opentelemetry.", "prometheus_client", "azure.monitor.", "azure.core.tracing.ext", "google.protobuf")
    return {".".join(name.split(".")[:2]) for name in indexed["modules"] if name.startswith(roots)}


def test_importing_the_app_loads_no_sdk_of_metrics(indexed: dict[str, Any]) -> None:
    """An SDK or an exporter takes longer to load than the app, and the host has its own."""
    names = {"attributes", "context", "environment_variables", "metrics", "trace", "util"}
    assert of_telemetry(indexed) <= {f"opentelemetry.{name}" for name in names}


def test_the_cosmos_app_is_the_same_and_asks_for_no_credential_at_import(
    indexed: dict[str, Any], tmp_path: Path
) -> None:
    endpoint = "https://nowhere.documents.azure.com:443/"
    done = index(tmp_path, STORE_ENGINE="cosmos", AUTH_MODE="local", COSMOS_ENDPOINT=endpoint)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["functions"] == indexed["functions"]
    assert of_telemetry(answer) == of_telemetry(indexed)
    elsewhere = ("azure.identity", "persistence.storage.sqlite.engine")
    assert not {name for name in answer["modules"] if name.startswith(elsewhere)}
    assert not (tmp_path / "data").exists()


def test_the_app_can_be_closed(indexed: dict[str, Any]) -> None:
    assert indexed["close_is_async"]


def test_without_settings_the_app_does_not_start_and_says_what_is_missing(tmp_path: Path) -> None:
    done = index(tmp_path)
    assert done.returncode != 0
    last = done.stderr[done.stderr.index("InvalidSettings") :]
    assert "STORE_ENGINE" in last and "AUTH_MODE" in last and "local.settings.json" in last
    assert not (tmp_path / "data").exists()


def test_host_json_is_what_the_app_counts_on() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    assert host["version"] == "2.0"
    assert host["extensions"]["http"]["routePrefix"] == "api"
    assert host["telemetryMode"] == "OpenTelemetry"
    bundle = host["extensionBundle"]
    assert bundle["id"] == "Microsoft.Azure.Functions.ExtensionBundle"
    assert bundle["version"].startswith("[4.")


def test_the_composition_root_is_only_that() -> None:
    lines = (ROOT / "function_app.py").read_text().splitlines()
    assert len(lines) <= 30
