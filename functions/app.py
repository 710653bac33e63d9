"""What the app is made of: one blueprint per resource, over stores that are open already."""

from dataclasses import dataclass

import azure.functions as func

from functions import health, timers
from functions.account import endpoints as account
from functions.account import me
from functions.drafts import endpoints as drafts
from functions.http.endpoint import Api
from functions.http.rate_limit import TokenBuckets
from functions.identity.modes import identify_by
from functions.identity.settings import IdentityRules
from functions.openapi import endpoints as openapi
from functions.sessions import contents, revisions
from functions.sessions import endpoints as sessions
from functions.snapshots import access_logs
from functions.snapshots import endpoints as snapshots
from persistence import Stores


@dataclass(frozen=True, slots=True)
class AppRules:
    """What an operator sets for the app. 0 `snapshot_opens_per_minute` is no limit."""

    identity: IdentityRules
    schedules: timers.Schedules
    snapshot_opens_per_minute: int = 0
    expose_charge: bool = False


def build_app(stores: Stores, rules: AppRules) -> func.FunctionApp:
    """The app with every endpoint registered. Asks nothing of the stores yet."""
    api = Api(identify_by(rules.identity), expose_charge=rules.expose_charge)
    opens = TokenBuckets(rules.snapshot_opens_per_minute)
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.register_functions(sessions.blueprint(api, stores.sessions))
    app.register_functions(contents.blueprint(api, stores.sessions, stores.snapshots, opens))
    app.register_functions(revisions.blueprint(api, stores.sessions))
    app.register_functions(drafts.blueprint(api, stores.drafts))
    app.register_functions(snapshots.blueprint(api, stores.snapshots, opens))
    app.register_functions(access_logs.blueprint(api, stores.access_logs))
    app.register_functions(timers.blueprint(stores.cleanup, rules.schedules))
    app.register_functions(me.blueprint(api))
    app.register_functions(account.blueprint(api, stores.personal_data, stores.limits))
    app.register_functions(health.blueprint(api, stores.engine))
    app.register_functions(openapi.blueprint(api, rules.identity.mode, expose_charge=rules.expose_charge))
    return app
