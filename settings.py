"""Every setting by its environment name. Only this module reads the environment; it makes each package's rules."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from functions.app import AppRules
from functions.health import FOLDER, build_of
from functions.identity.settings import AuthMode, IdentityRules
from functions.timers import Schedules
from persistence import Rules
from persistence.documents import ID_LENGTH, SNAPSHOT_ID_MAX_LENGTH
from persistence.limits import KEPT_BYTES, STORED_BYTES, LimitRules
from persistence.sessions.rules import SessionRules
from persistence.snapshots.rules import SnapshotRules
from persistence.storage.cosmos.account import CosmosAccount
from persistence.timers.scan import TimerRules
from persistence.timers.schedules import Schedule

SETTLE_GRACE_MIN_SECONDS = 300
"""Longer than any request may take, retries included."""

AZURE_MARKERS = (
    "WEBSITE_SITE_NAME",
    "WEBSITE_INSTANCE_ID",
    "WEBSITE_POD_NAME",
    "LEGION_SERVICE_HOST",
    "CONTAINER_APP_NAME",
)
"""Azure sets at least one of these for every function app. Nothing else sets them."""

PLATFORM_AUTHENTICATION = "WEBSITE_AUTH_ENABLED"
"""Azure sets it to say whether App Service Authentication is on."""

OF_THE_PLATFORM = frozenset({"in_azure", "platform_authentication"})
"""Fields that describe where the app runs. Operators do not set them."""


class InvalidSettings(Exception):
    """The app does not start with these settings. The message names each problem and where to set values."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            "\n".join(["The settings are not usable:", *(f"  {p}" for p in problems)])
            + "\nSet them in the environment, in local.settings.json or in the function app's settings."
        )
        self.problems = tuple(problems)


class StoreEngine(StrEnum):
    """Where the data is stored."""

    SQLITE = "sqlite"
    COSMOS = "cosmos"


def _parts(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part for each in value.split(",") if (part := each.strip()))


# More than anyone needs, and small enough that no date overflows.
# How long a process remembers what a person stores. Counting it costs request units, and SQLite is near.
REMEMBERED = {StoreEngine.COSMOS: timedelta(seconds=10), StoreEngine.SQLITE: timedelta(seconds=1)}
YEAR_SECONDS = 366 * 24 * 60 * 60
CENTURY_DAYS = 36_525


def _schedule(text: str) -> str:
    return Schedule(text).text


ScheduleText = Annotated[str, AfterValidator(_schedule)]
"""NCRONTAB with six fields."""

Names = Annotated[tuple[str, ...], BeforeValidator(_parts)]
"""One text, separated by commas."""


class Settings(BaseModel):
    """The settings by their names in lower case. Unknown names belong to others and are ignored."""

    model_config = ConfigDict(frozen=True)

    store_engine: StoreEngine = Field(description="Where the data is stored: `sqlite` or `cosmos`.")
    auth_mode: AuthMode = Field(
        description="How callers are identified: `local` trusts the header `X-User-Id`, on loopback only; "
        "`easyauth` and `swa` trust App Service Authentication and Static Web Apps; `jwt` checks bearer tokens."
    )
    data_dir: Path = Field(default=Path(".data"), description="The folder of the SQLite file.")
    cosmos_endpoint: str | None = Field(default=None, description="The URI of the Cosmos DB account.")
    cosmos_database: str = Field(default="savepoint", description="The database in that account.")
    cosmos_key: SecretStr | None = Field(
        default=None, description="A key, for emulators. Without it, managed identity is used."
    )
    cosmos_endpoint_discovery: bool = Field(
        default=True, description="Whether to ask the account for its regions. `false` for emulators."
    )
    cosmos_timeout_seconds: Annotated[float, Field(gt=0, le=200)] = Field(
        default=10.0, description="The longest time for one database call, retries included."
    )
    cosmos_conditional_batch: bool = Field(
        default=True,
        description="Whether a save is one transactional batch if the server enforces conditions within batches, "
        "as Azure does. `false` forces two steps.",
    )
    azure_client_id: str | None = Field(
        default=None, description="The client id of the user-assigned managed identity."
    )
    stored_format: Annotated[int, Field(ge=1, le=2)] = Field(
        default=2,
        description="The format in which sessions are stored in Cosmos DB. Programs of the first release read only"
        " `1`: set that until none of them runs any more. A SQLite file is migrated when it is opened.",
    )
    keep_revisions: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20, description="Number of revisions without a name that are kept of each session."
    )
    named_revisions_max: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20,
        description="The most revisions of each session that may have a name. They are kept besides the others.",
    )
    content_cache_bytes: Annotated[int, Field(ge=0)] = Field(
        default=32_000_000,
        description="The most bytes of compressed contents of sessions that a process keeps in memory; 0 for "
        "none.",
    )
    autosave_coalesce_seconds: Annotated[float, Field(ge=0, le=YEAR_SECONDS)] = Field(
        default=60, description="Of all autosaves within this span, only the newest stays in the history."
    )
    touch_interval_seconds: Annotated[float, Field(ge=0, le=YEAR_SECONDS)] = Field(
        default=900, description="The least time between two writes that record when a session was opened."
    )
    draft_retention_days: Annotated[int, Field(ge=1, le=CENTURY_DAYS)] = Field(
        default=30, description="A draft is deleted after this many days without a save or an opening."
    )
    trash_retention_days: Annotated[int, Field(ge=0, le=CENTURY_DAYS)] = Field(
        default=30,
        description="A deleted session or draft stays in the trash for this many days; 0: it is deleted at once.",
    )
    activity_retention_days: Annotated[int, Field(ge=0, le=CENTURY_DAYS)] = Field(
        default=90, description="Days until a timer removes a line of activity; 0 for no activity."
    )
    purge_schedule: ScheduleText = Field(
        default="0 30 3 * * *",
        description="When `purge_stale_drafts` runs, as NCRONTAB with six fields, seconds first, in UTC.",
    )
    tombstone_retention_days: Annotated[int, Field(ge=1, le=CENTURY_DAYS)] = Field(
        default=30,
        description="A deleted session or snapshot leaves a tombstone for this many days: requests get 410, and "
        "later 404.",
    )
    settle_grace_seconds: Annotated[float, Field(ge=0, le=YEAR_SECONDS)] = Field(
        default=900,
        description="Timers delete nothing younger than this. It must be longer than any request and any "
        "replication lag.",
    )
    timer_items_max: Annotated[int, Field(ge=1)] = Field(
        default=20_000,
        description="The most items of each kind that one run of a timer processes. The next run continues.",
    )
    cleanup_schedule: ScheduleText = Field(
        default="0 */15 * * * *",
        description="When `mark_deleted_snapshot_logs` and `sweep_sessions` run, as NCRONTAB with six fields, "
        "seconds first, in UTC.",
    )
    snapshot_id_length: Annotated[int, Field(ge=ID_LENGTH, le=SNAPSHOT_ID_MAX_LENGTH)] = Field(
        default=ID_LENGTH, description="Length of the id of a new snapshot. Each character has 6 random bits."
    )
    snapshot_default_days: Annotated[int, Field(ge=0, le=CENTURY_DAYS)] = Field(
        default=0, description="Days until a snapshot expires if its creator does not set a time; 0 for never."
    )
    snapshot_max_days: Annotated[int, Field(ge=0, le=CENTURY_DAYS)] = Field(
        default=0, description="The most days until a snapshot expires; 0 for no limit."
    )
    sessions_max: Annotated[int, Field(ge=0)] = Field(
        default=0, description="The most active and closed sessions that one person may keep; 0 for no limit."
    )
    drafts_max: Annotated[int, Field(ge=0)] = Field(
        default=0, description="The most drafts that one person may keep; 0 for no limit."
    )
    snapshots_max: Annotated[int, Field(ge=0)] = Field(
        default=0, description="The most snapshots that one person may keep; 0 for no limit."
    )
    stored_bytes_max: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="The most bytes of content that one person may keep, without history; 0 for no limit.",
    )
    kept_bytes_max: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="The most bytes of content that one person may keep, with history and trash; 0 for no limit.",
    )
    snapshot_opens_per_minute: Annotated[int, Field(ge=0)] = Field(
        default=120,
        description="The most snapshots that one person may open in a minute, for each process; 0 for no limit.",
    )
    writes_per_minute: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="The most calls that write, besides DELETE, that one person may send in a minute, for each "
        "process; 0 for no limit. A call with many items counts as one.",
    )
    write_bytes_per_minute: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="The most bytes in bodies, as they are sent, that one person may send in a minute, for each "
        "process; 0 for no limit.",
    )
    show_visitors: bool = Field(
        default=False,
        description="Whether owners of snapshots can see who opened them, and not only how many people.",
    )
    local_origins: Names = Field(
        default=(),
        description="For `local`: origins that may call besides loopback ones, separated by commas.",
    )
    auth_providers: Names = Field(
        default=(),
        description="For `easyauth` and `swa`: the trusted identity providers, such as `aad`. With one, an owner "
        "id is the subject alone. With several, the provider's name comes before it. Do not change this later.",
    )
    jwt_issuers: Names = Field(
        default=(),
        description="For `jwt`: the trusted issuers, by their `iss`. With one, an owner id is the subject alone. "
        "With several, the issuer comes before it. Do not change this later.",
    )
    jwt_audience: Names = Field(
        default=(), description="For `jwt`: the audiences. A token must have one of them as its `aud`."
    )
    jwt_jwks_url: Names = Field(
        default=(),
        description="For `jwt`: one key URL per issuer, in the order of JWT_ISSUERS. If empty, each issuer's "
        "`/.well-known/openid-configuration` names it.",
    )
    jwt_subject_claim: str = Field(
        default="sub", description="For `jwt`: the claim that owner ids are made from. `oid` for Entra."
    )
    jwt_scopes: Names = Field(
        default=(),
        description="For `jwt`: scopes, separated by commas. A token must have one of them in its `scp`. If "
        "empty, none is needed.",
    )
    jwt_clients: Names = Field(
        default=(),
        description="For `jwt`: client ids of applications, separated by commas. The `azp` of a token must be one "
        "of them. If empty, it may be any.",
    )
    jwt_sign_in_client: str = Field(
        default="",
        description="For `jwt`: the client id with which pages sign people in at the first issuer, by code flow "
        "with PKCE. If empty, the workbench offers no signing in.",
    )
    jwt_sign_in_scope: str = Field(
        default="",
        description="For `jwt`: what pages ask for when people sign in, besides `openid offline_access`. For "
        "Entra, `CLIENT_ID/user_impersonation`.",
    )
    read_only: bool = Field(
        default=False,
        description="Whether nothing of people is written: writes get 503 `maintenance`. `python -m operations "
        "read-only` does that for all processes of a store.",
    )
    expose_charge: bool = Field(
        default=False,
        description="Whether responses have the header `Savepoint-Request-Charge`, their cost in request units.",
    )
    workbench: bool | None = Field(
        default=None,
        description="Whether the app has the page `/api/workbench`. If it is not set: yes, but not in Azure.",
    )
    in_azure: bool = Field(default=False, exclude=True)
    platform_authentication: bool = Field(default=False, exclude=True)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Reads upper-case names. An empty value counts as not set.

        Raises InvalidSettings with every invalid value or, if there is none, every conflict between values.
        """
        given: dict[str, object] = {
            name: environ[name.upper()]
            for name in cls.model_fields
            if name not in OF_THE_PLATFORM and environ.get(name.upper(), "") != ""
        }
        given["in_azure"] = any(environ.get(name) for name in AZURE_MARKERS)
        given["platform_authentication"] = environ.get(PLATFORM_AUTHENTICATION, "").lower() == "true"
        try:
            settings = cls.model_validate(given)
        except ValidationError as exc:
            raise InvalidSettings(
                [f"{str(error['loc'][0]).upper()}: {error['msg']}" for error in exc.errors(include_input=False)]
            ) from None
        if problems := settings._conflicts():
            raise InvalidSettings(problems)
        return settings

    def place(self) -> Path | CosmosAccount:
        """Returns where the data is stored: a folder, or a Cosmos DB account."""
        return self.data_dir if self.store_engine is StoreEngine.SQLITE else self.cosmos_account()

    def cosmos_account(self) -> CosmosAccount:
        """Returns the Cosmos DB account. Only for STORE_ENGINE=cosmos."""
        assert self.cosmos_endpoint is not None, "from_environ refuses STORE_ENGINE=cosmos without it"
        return CosmosAccount(
            endpoint=self.cosmos_endpoint,
            database=self.cosmos_database,
            key=self.cosmos_key.get_secret_value() if self.cosmos_key else None,
            client_id=self.azure_client_id,
            endpoint_discovery=self.cosmos_endpoint_discovery,
            timeout_seconds=self.cosmos_timeout_seconds,
            conditional_batch=self.cosmos_conditional_batch,
        )

    def store_rules(self) -> Rules:
        """Returns the rules of the stores and of the work of timers."""
        return Rules(
            limits=LimitRules(
                counts={
                    "sessions": self.sessions_max,
                    "drafts": self.drafts_max,
                    "snapshots": self.snapshots_max,
                },
                sums={STORED_BYTES: self.stored_bytes_max, KEPT_BYTES: self.kept_bytes_max},
                remember=REMEMBERED[self.store_engine],
            ),
            sessions=SessionRules(
                keep_revisions=self.keep_revisions,
                named_max=self.named_revisions_max,
                stored_format=1 if self._writes_format_1 else 2,
                coalesce=timedelta(seconds=self.autosave_coalesce_seconds),
                touch_interval=timedelta(seconds=self.touch_interval_seconds),
                trash_retention=timedelta(days=self.trash_retention_days),
                cached_bytes=self.content_cache_bytes,
            ),
            read_only=self.read_only,
            renew_formats=self.store_engine is StoreEngine.COSMOS and not self._writes_format_1,
            draft_retention=timedelta(days=self.draft_retention_days),
            activity_retention=timedelta(days=self.activity_retention_days),
            snapshots=SnapshotRules(
                id_length=self.snapshot_id_length,
                default_days=self.snapshot_default_days,
                max_days=self.snapshot_max_days,
                show_visitors=self.show_visitors,
            ),
            timers=TimerRules(
                settle_grace=timedelta(seconds=self.settle_grace_seconds),
                tombstone_retention=timedelta(days=self.tombstone_retention_days),
                items_max=self.timer_items_max,
            ),
        )

    @property
    def _writes_format_1(self) -> bool:
        return self.store_engine is StoreEngine.COSMOS and self.stored_format == 1

    def app_rules(self) -> AppRules:
        """Returns the rules of the app: identity, schedules, and what else endpoints depend on."""
        return AppRules(
            identity=self._identity_rules(),
            schedules=Schedules(cleanup=Schedule(self.cleanup_schedule), purge=Schedule(self.purge_schedule)),
            snapshot_opens_per_minute=self.snapshot_opens_per_minute,
            writes_per_minute=self.writes_per_minute,
            write_bytes_per_minute=self.write_bytes_per_minute,
            expose_charge=self.expose_charge,
            workbench=not self.in_azure if self.workbench is None else self.workbench,
            build=build_of(FOLDER) if self.in_azure else None,
        )

    def _identity_rules(self) -> IdentityRules:
        return IdentityRules(
            mode=self.auth_mode,
            local_origins=self.local_origins,
            providers=self.auth_providers,
            issuers=self.jwt_issuers,
            audience=self.jwt_audience,
            jwks_urls=self.jwt_jwks_url,
            subject_claim=self.jwt_subject_claim,
            scopes=self.jwt_scopes,
            clients=self.jwt_clients,
            sign_in_client=self.jwt_sign_in_client,
            sign_in_scope=self.jwt_sign_in_scope,
        )

    def _conflicts(self) -> list[str]:
        conflicts = []
        if self.store_engine is StoreEngine.SQLITE and self.in_azure:
            conflicts.append("STORE_ENGINE: sqlite is refused in Azure, where disks come and go; use cosmos")
        if self.store_engine is StoreEngine.COSMOS and self.cosmos_endpoint is None:
            conflicts.append("COSMOS_ENDPOINT: required by STORE_ENGINE=cosmos")
        if self.auth_mode is AuthMode.LOCAL and self.in_azure:
            conflicts.append("AUTH_MODE: local is refused in Azure, where anyone could claim to be anyone")
        if self.auth_mode in (AuthMode.EASYAUTH, AuthMode.SWA) and not self.platform_authentication:
            conflicts.append(
                f"AUTH_MODE: {self.auth_mode} trusts a header that anyone could send, unless App Service "
                f"Authentication is on; the platform does not say that it is ({PLATFORM_AUTHENTICATION})"
            )
        conflicts += self._identity_rules().faults()
        if self.in_azure and self.settle_grace_seconds < SETTLE_GRACE_MIN_SECONDS:
            conflicts.append(
                f"SETTLE_GRACE_SECONDS: less than {SETTLE_GRACE_MIN_SECONDS} is refused in Azure: a timer could"
                " delete content before the request that wrote it names it"
            )
        return conflicts
