"""Creates the Entra app registration that callers sign in to, and keeps it as this release needs it.

azd runs `prepare` before provisioning and `connect` after it, with the values of the azd environment as variables.
Both can be repeated. A registration that somebody else created (AUTH_CLIENT_ID set by hand) is never changed. The
hook prints what it needs.

Needs only the standard library, and `az` and `azd`, both signed in.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from hook import HookError, run

GRAPH = "https://graph.microsoft.com/v1.0"
SCOPE = "user_impersonation"
SIGN_IN_PAGE = "/api/workbench"
"""The page to which people of the workbench return, with its full path: Entra compares whole addresses."""

_ATTEMPTS = 6
_WAIT_SECONDS = 2
_NOT_YET = ("ResourceNotFound", "NoBackingApplicationObject")
"""Error codes of a replica of Microsoft Graph that has not yet received a new object. This takes some seconds."""


def prepare(environ: Mapping[str, str]) -> None:
    """Creates the registration and sets AUTH_CLIENT_ID, if that is not set yet. Makes a registration of our own an
    API whose tokens the app accepts."""
    if environ.get("STATIC_WEB_APP_HOSTNAME"):
        return  # People sign in to the Static Web App, so no caller sends tokens.
    client_id = environ.get("AUTH_CLIENT_ID")
    if not client_id:
        client_id = _create(environ)
    elif environ.get("AUTH_REGISTRATION") != "own":
        return  # `connect` prints what it needs.
    application = _get(f"applications(appId='{client_id}')?$select=id")
    # First the scope, then who may use it: nobody can be granted what does not exist yet.
    _patch(f"applications/{application['id']}", _as_api(client_id))
    _patch(f"applications/{application['id']}", {"api": _pre_authorised(client_id, environ)})


def connect(environ: Mapping[str, str]) -> None:
    """Adds the addresses to which people return after signing in. Prints them for a registration of others."""
    client_id = environ.get("AUTH_CLIENT_ID")
    if not client_id or environ.get("STATIC_WEB_APP_HOSTNAME"):
        return
    # SAVEPOINT_URL is an output of the template, so it is known after provisioning.
    redirects = [*_listed(environ, "CORS_ORIGINS"), f"{_required(environ, 'SAVEPOINT_URL')}{SIGN_IN_PAGE}"]
    if environ.get("AUTH_REGISTRATION") != "own":
        needed = {**_as_api(client_id), "spa": {"redirectUris": redirects}}
        needed["api"] |= _pre_authorised(client_id, environ)
        print(
            f"The app registration {client_id} was not created by azd. It needs:\n{json.dumps(needed, indent=2)}"
        )
        return
    application = _get(f"applications(appId='{client_id}')?$select=id,spa")
    present = application["spa"]["redirectUris"]
    _patch(f"applications/{application['id']}", {"spa": {"redirectUris": _with(present, redirects)}})


def _create(environ: Mapping[str, str]) -> str:
    name = f"savepoint-{_required(environ, 'AZURE_ENV_NAME')}"
    # The name alone is not unique: the tenant may have another registration with the same name.
    key = f"{name}-{_required(environ, 'AZURE_SUBSCRIPTION_ID')}"
    _upsert(f"applications(uniqueName='{key}')", {"displayName": name, "signInAudience": "AzureADMyOrg"})
    client_id: str = _get(f"applications(uniqueName='{key}')?$select=appId")["appId"]
    _upsert(f"servicePrincipals(appId='{client_id}')", {"displayName": name})
    _run("azd", "env", "set", "AUTH_REGISTRATION", "own")
    _run("azd", "env", "set", "AUTH_CLIENT_ID", client_id)
    print(f"Entra app registration {name}: {client_id}")
    return client_id


def _as_api(client_id: str) -> dict[str, Any]:
    """Returns an API with one scope and tokens of version 2, whose audience is the client id."""
    return {
        "identifierUris": [f"api://{client_id}"],
        "api": {
            "requestedAccessTokenVersion": 2,
            "oauth2PermissionScopes": [
                {
                    "id": _scope_id(client_id),
                    "value": SCOPE,
                    "type": "User",
                    "isEnabled": True,
                    "adminConsentDisplayName": "Save and open sessions",
                    "adminConsentDescription": "Save and open the sessions of the person who is signed in.",
                    "userConsentDisplayName": "Save and open your sessions",
                    "userConsentDescription": "Save and open your sessions.",
                }
            ],
        },
    }


def _pre_authorised(client_id: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Returns the applications that may use the scope without asking people for consent."""
    scopes = [_scope_id(client_id)]
    clients = _listed(environ, "AUTH_CLIENTS")
    return {"preAuthorizedApplications": [{"appId": one, "delegatedPermissionIds": scopes} for one in clients]}


def _scope_id(client_id: str) -> str:
    """Returns a stable id, because a scope that is in use cannot be replaced."""
    return str(uuid5(NAMESPACE_URL, f"api://{client_id}/{SCOPE}"))


def _listed(environ: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in environ.get(name, "").split(",") if part.strip()]


def _with(present: list[str], wanted: list[str]) -> list[str]:
    return list(dict.fromkeys([*present, *wanted]))


def _required(environ: Mapping[str, str], name: str) -> str:
    try:
        return environ[name]
    except KeyError:
        raise HookError(f"{name} is not set: run this hook through azd, which sets it.") from None


def _get(path: str) -> Any:
    return json.loads(_graph("GET", path))


def _patch(path: str, body: Mapping[str, Any]) -> None:
    _graph("PATCH", path, body)


def _upsert(path: str, body: Mapping[str, Any]) -> None:
    _graph("PATCH", path, body, "Prefer=create-if-missing")


def _graph(method: str, path: str, body: Mapping[str, Any] | None = None, *headers: str) -> str:
    call = ["az", "rest", "--method", method, "--url", f"{GRAPH}/{path}"]
    stdin = None
    if body is not None:
        # On stdin, so that no shell splits it.
        call += ["--headers", "Content-Type=application/json", *headers, "--body", "@-"]
        stdin = json.dumps(body)
    for _ in range(_ATTEMPTS - 1):
        try:
            return _run(*call, stdin=stdin)
        except HookError as error:
            if not any(code in str(error) for code in _NOT_YET):
                raise
            time.sleep(_WAIT_SECONDS)
    return _run(*call, stdin=stdin)


def _run(program: str, *arguments: str, stdin: str | None = None) -> str:
    executable = shutil.which(program)
    if executable is None:
        raise HookError(f"{program} was not found: docs/deploy.md lists what to install.")
    done = subprocess.run([executable, *arguments], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HookError(f"{program} {' '.join(arguments[:5])} failed:\n{done.stderr.strip()}")
    return done.stdout


_ADVICE = (
    "If you may not register apps in the tenant, ask for a registration and name it: "
    "azd env set AUTH_CLIENT_ID <client id>."
)

if __name__ == "__main__":
    sys.exit(run(sys.argv, {"prepare": prepare, "connect": connect}, _ADVICE))
