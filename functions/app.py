"""What the app is made of: the endpoints of each package over its stores, and the timers."""

from dataclasses import dataclass

import azure.functions as func

from functions import client, health, timers, workbench
from functions.account import endpoints as account
from functions.account.views import views_for
from functions.activity import endpoints as activity
from functions.drafts import endpoints as drafts
from functions.files import BuiltFiles
from functions.http.api import Api
from functions.http.rate_limit import TokenBuckets, WriteLimit
from functions.identity.modes import identify_by
from functions.identity.settings import IdentityRules
from functions.imports import endpoints as imports
from functions.openapi import endpoints as openapi
from functions.sessions import content as session_content
from functions.sessions import endpoints as sessions
from functions.sessions import export as session_export
from functions.sessions import revisions
from functions.snapshots import access_logs
from functions.snapshots import content as snapshot_content
from functions.snapshots import endpoints as snapshots
from functions.sync import endpoints as sync
from functions.trash import endpoints as trash
from persistence import Stores
from persistence.timers.records import TimerRecords


@dataclass(frozen=True, slots=True)
class AppRules:
    """What an operator sets for the app. A limit of 0 is none. `workbench`: whether it has that page. `build`
    names the package that was deployed."""

    identity: IdentityRules
    schedules: timers.Schedules
    snapshot_opens_per_minute: int = 0
    writes_per_minute: int = 0
    write_bytes_per_minute: int = 0
    expose_charge: bool = False
    workbench: bool = True
    build: str | None = None


def build_app(stores: Stores, rules: AppRules) -> func.FunctionApp:
    """Returns the app with every function registered. Asks nothing of the stores yet."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    identify, warm_up = identify_by(rules.identity)
    api = Api(
        app,
        identify,
        WriteLimit(rules.writes_per_minute, rules.write_bytes_per_minute),
        expose_charge=rules.expose_charge,
        before_each=(stores.confirm_rules, warm_up),
        before_write=stores.shared.switch.check,
    )
    records = TimerRecords(stores.engine, rules.schedules.by_timer())
    add_endpoints(api, stores, TokenBuckets(rules.snapshot_opens_per_minute))
    healthy = health.HealthView(build=rules.build)
    api.add(health.routes, health.Readiness(stores.engine), health.Punctuality(records), healthy)
    config = client.config_of(rules.identity)
    api.add(client.routes, BuiltFiles(client.FOLDER), config)
    if rules.workbench:
        api.add(workbench.routes, workbench.Workbench(BuiltFiles(workbench.FOLDER), config.issuer))
    api.add(openapi.routes, openapi.Description(api.routes, rules.identity.mode, has_charge=rules.expose_charge))
    api.refuse_the_rest()
    app.register_functions(timers.blueprint(stores.timers, records))
    return app


def add_endpoints(api: Api, stores: Stores, rate_limit: TokenBuckets) -> None:
    """Adds the endpoints of every package. A new package is one more line."""
    api.add(sessions.routes, stores.sessions, stores.conflict_copies)
    api.add(session_content.routes, stores.sessions, stores.conflict_copies)
    api.add(revisions.routes, stores.sessions)
    api.add(session_export.routes, stores.session_export)
    api.add(drafts.routes, stores.drafts, stores.conflict_copies)
    api.add(trash.routes, stores.trash)
    api.add(sync.routes, stores.sync)
    api.add(imports.routes, stores.imports)
    api.add(snapshots.routes, stores.snapshots, rate_limit)
    api.add(snapshot_content.routes, stores.snapshots, rate_limit)
    api.add(access_logs.routes, stores.access_logs)
    api.add(activity.routes, stores.activity)
    api.add(account.routes.describing(views_for(stores.kinds)), stores)
