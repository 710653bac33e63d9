"""What the whole template writes for the sign-in, in each of its two shapes."""

from dataclasses import dataclass
from typing import Any

from tests.support.bicep_values import evaluated

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "99999999-8888-7777-6666-555555555555"
FRONT = "red-sea-123.azurestaticapps.net"
ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"

AZURE = {
    "environment()": {"authentication": {"loginEndpoint": "https://login.microsoftonline.com/"}},
    "tenant()": {"tenantId": TENANT},
    "subscription()": {"id": "/subscriptions/one"},
    "uniqueString()": "abc123",
}
"""What only Azure knows. Anything else fails."""

OUTPUTS = {
    "identity": {"id": "/identities/one", "clientId": "identity-1", "principalId": "object-1"},
    "cosmos": {
        "id": "/cosmos",
        "name": "cosmos",
        "database": "savepoint",
        "endpoint": "https://c.documents.azure.com/",
    },
    "storage": {"name": "storage", "packageContainerUrl": "https://s.blob.core.windows.net/packages"},
    "monitoring": {"workspaceId": "/logs", "insightsName": "insights", "insightsConnectionString": "Key=1"},
    "functionApp": {"id": "/app", "name": "app", "url": "https://func.example"},
}
"""What the modules return after they are deployed."""

REQUIRED = {"environmentName": "dev", "location": "westeurope"}


@dataclass(frozen=True)
class Shape:
    """The app settings, the site and the settings of App Service Authentication."""

    settings: dict[str, str]
    site: dict[str, Any]
    authentication: dict[str, Any]


def shape(**parameters: Any) -> Shape:
    """Evaluates the template with parameters of main.bicep. Raises Stopped if it stops the deployment."""
    given = {**AZURE, **REQUIRED, **parameters}
    inputs = evaluated("inputs.bicep", evaluated("main.bicep", given)["inputs"]["params"])
    known = {name: {"outputs": outputs} for name, outputs in OUTPUTS.items()}
    known["inputs"] = {"outputs": {name: inputs.output(name) for name in inputs.outputs}}
    modules = {
        name: evaluated("main.bicep", given | {other: known[other] for other in known if other != name})[name]
        for name in ("functionApp", "authentication")
    }
    app = evaluated("function-app.bicep", {**AZURE, "plan": {"id": "/plan"}, **modules["functionApp"]["params"]})
    front = evaluated("authentication.bicep", AZURE | modules["authentication"]["params"])
    return Shape(app["settings"]["properties"], app["app"]["properties"], front["authentication"]["properties"])


def tokens(**parameters: Any) -> Shape:
    return shape(**{"authClientId": CLIENT, **parameters})


def static_web_app(**parameters: Any) -> Shape:
    return shape(**{"staticWebAppHostname": FRONT, **parameters})
