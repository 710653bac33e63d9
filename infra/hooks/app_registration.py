"""The Entra app registration that callers sign in to: made before provisioning, connected to the app after it.

azd runs `prepare` as its pre-provision hook and `connect` as its post-provision hook, with the environment's
values as variables. Both may run any number of times. A registration that was brought along (AUTH_CLIENT_ID set
by hand) is never touched: what it needs is printed for whoever keeps it.

Needs nothing but the standard library, and `az` and `azd`, signed in.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

GRAPH = "https://graph.microsoft.com/v1.0"
SCOPE = "user_impersonation"

_ATTEMPTS = 6
_WAIT_SECONDS = 2
_NOT_YET = ("ResourceNotFound", "NoBackingApplicationObject")
"""What Microsoft Graph answers, for some seconds, from a copy that has not heard of what was just made."""


class HookError(Exception):
    """What stops the hook, in words for the person at the keyboard."""


def prepare(environ: Mapping[str, str]) -> None:
    """Makes the registration and names it in the azd environment, unless one is named there already."""
    if environ.get("AUTH_CLIENT_ID"):
        return
    if environ.get("STATIC_WEB_APP_HOSTNAME"):
        return  # People sign in to the Static Web App; nobody brings tokens.
    name = f"savepoint-{_required(environ, 'AZURE_ENV_NAME')}"
    # A key of our own: the name alone could be that of somebody else's registration in the same tenant.
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
    """Lets the app's identity vouch for the registration, in place of a secret, and says where sign-in ends."""
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
            f"The app registration {client_id} is not kept by azd. It needs:\n"
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
    """One scope, and tokens of version 2, whose audience is the client id."""
    return {
        "identifierUris": [f"api://{client_id}"],
        "api": {
            "requestedAccessTokenVersion": 2,
            "oauth2PermissionScopes": [
                {
                    # The same at every run: a scope that is in use cannot be replaced by another.
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
        raise HookError(f"{name} is not set: run this through azd, which sets it.") from None


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
        # From stdin, which no shell takes apart.
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
        raise HookError(f"{program} was not found: docs/deploy.md says what has to be installed.")
    done = subprocess.run([executable, *arguments], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HookError(f"{program} {' '.join(arguments[:5])} failed:\n{done.stderr.strip()}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """The exit status: 0, or 1 with the reason on stderr, or 2 for arguments that are none of ours."""
    steps = {"prepare": prepare, "connect": connect}
    if len(arguments) != 1 or arguments[0] not in steps:
        print(f"usage: app_registration.py {'|'.join(steps)}", file=sys.stderr)
        return 2
    try:
        steps[arguments[0]](os.environ)
    except HookError as error:
        print(f"{error}\n{_ADVICE}", file=sys.stderr)
        return 1
    return 0


_ADVICE = (
    "Whoever may not register apps in the tenant asks for a registration and names it: "
    "azd env set AUTH_CLIENT_ID <client id>."
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
