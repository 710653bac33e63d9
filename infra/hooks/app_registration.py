"""Creates the Entra app registration that callers sign in to, and connects it to the app.

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

_ATTEMPTS = 6
_WAIT_SECONDS = 2
_NOT_YET = ("ResourceNotFound", "NoBackingApplicationObject")
"""Error codes of a replica of Microsoft Graph that has not yet received a new object. This takes some seconds."""


def prepare(environ: Mapping[str, str]) -> None:
    """Creates the registration and sets AUTH_CLIENT_ID, if that is not set yet."""
    if environ.get("AUTH_CLIENT_ID"):
        return
    if environ.get("STATIC_WEB_APP_HOSTNAME"):
        return  # People sign in to the Static Web App, so no caller sends tokens.
    name = f"savepoint-{_required(environ, 'AZURE_ENV_NAME')}"
    # The name alone is not unique: the tenant may have another registration with the same name.
    key = f"{name}-{_required(environ, 'AZURE_SUBSCRIPTION_ID')}"
    _upsert(f"applications(uniqueName='{key}')", {"displayName": name, "signInAudience": "AzureADMyOrg"})
    application = _get(f"applications(uniqueName='{key}')?$select=id,appId")
    client_id = application["appId"]
    _patch(f"applications/{application['id']}", _as_api(client_id))
    _upsert(f"servicePrincipals(appId='{client_id}')", {"displayName": name})
    _run("azd", "env", "set", "AUTH_REGISTRATION", "own")
    _run("azd", "env", "set", "AUTH_CLIENT_ID", client_id)
    print(f"Entra app registration {name}: {client_id}")


def connect(environ: Mapping[str, str]) -> None:
    """Adds the app's identity as a federated credential, instead of a secret, and the redirect addresses."""
    client_id = environ.get("AUTH_CLIENT_ID")
    if not client_id:
        return
    callback = f"{_required(environ, 'SAVEPOINT_URL')}/.auth/login/aad/callback"
    credential = {
        "issuer": f"https://login.microsoftonline.com/{_required(environ, 'AZURE_TENANT_ID')}/v2.0",
        "subject": _required(environ, "SAVEPOINT_IDENTITY_PRINCIPAL_ID"),
        "audiences": ["api://AzureADTokenExchange"],
    }
    if environ.get("AUTH_REGISTRATION") != "own":
        print(
            f"The app registration {client_id} was not created by azd. It needs:\n"
            f"  the web redirect URI {callback}\n"
            f"  a federated credential: {json.dumps(credential)}"
        )
        return
    application = _get(f"applications(appId='{client_id}')?$select=id,web,spa")
    _upsert(f"applications/{application['id']}/federatedIdentityCredentials(name='savepoint')", credential)
    origins = [origin.strip() for origin in environ.get("CORS_ORIGINS", "").split(",") if origin.strip()]
    _patch(
        f"applications/{application['id']}",
        {
            "web": {"redirectUris": _with(application["web"]["redirectUris"], [callback])},
            "spa": {"redirectUris": _with(application["spa"]["redirectUris"], origins)},
        },
    )


def _as_api(client_id: str) -> dict[str, Any]:
    """Returns an API with one scope and tokens of version 2, whose audience is the client id."""
    return {
        "identifierUris": [f"api://{client_id}"],
        "api": {
            "requestedAccessTokenVersion": 2,
            "oauth2PermissionScopes": [
                {
                    # The id must be stable, because a scope that is in use cannot be replaced.
                    "id": str(uuid5(NAMESPACE_URL, f"api://{client_id}/{SCOPE}")),
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
