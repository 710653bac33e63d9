"""Everything that can be set, read once into one frozen model."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from functions.identity.settings import bearer_refusals, principal_refusals
from persistence import Rules
from persistence.documents import ID_LENGTH, SNAPSHOT_ID_MAX_LENGTH
from persistence.errors import InvalidSettings
from persistence.limits import LimitRules
from persistence.sessions.rules import SessionRules
from persistence.snapshots.store import SnapshotRules
from persistence.storage.cosmos.account import CosmosAccount
from persistence.timers.scan import TimerRules

SETTLE_GRACE_MIN_SECONDS = 300
"""Longer than any request may take, with all its attempts."""

AZURE_MARKERS = (
    "WEBSITE_SITE_NAME",
    "WEBSITE_INSTANCE_ID",
    "WEBSITE_POD_NAME",
    "LEGION_SERVICE_HOST",
    "CONTAINER_APP_NAME",
)
"""Set by the platform wherever a function app runs in Azure, and by nothing else."""

PLATFORM_AUTHENTICATION = "WEBSITE_AUTH_ENABLED"
"""Set by the platform: whether App Service Authentication stands in front of the app."""

OF_THE_PLATFORM = frozenset({"in_azure", "platform_authentication"})
"""Fields that nobody sets: they say where the app runs."""


class StoreEngine(StrEnum):
    """Where things are kept."""

    SQLITE = "sqlite"
    COSMOS = "cosmos"


class AuthMode(StrEnum):
    """How the caller is known. There is no default: identity is chosen, never guessed."""

    LOCAL = "local"
    EASYAUTH = "easyauth"
    SWA = "swa"
    JWT = "jwt"


def _parts(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part for each in value.split(",") if (part := each.strip()))


# More than anyone means, and little enough that every date can be reckoned with.
YEAR_SECONDS = 366 * 24 * 60 * 60
CENTURY_DAYS = 36_525

Names = Annotated[tuple[str, ...], BeforeValidator(_parts)]
"""Set as one text, separated by commas."""


class Settings(BaseModel):
    """The settings by their names in lower case. A name that is unknown to us belongs to someone else."""

    model_config = ConfigDict(frozen=True)

    store_engine: StoreEngine = Field(description="Where things are kept: `sqlite` or `cosmos`.")
    auth_mode: AuthMode = Field(
        description="Who is calling: `local` trusts the header `X-User-Id`, on loopback; `easyauth` and `swa` "
        "trust App Service and Static Web Apps; `jwt` checks bearer tokens."
    )
    data_dir: Path = Field(default=Path(".data"), description="The folder of the SQLite file.")
    cosmos_endpoint: str | None = Field(default=None, description="The Cosmos DB account's URI.")
    cosmos_database: str = Field(default="savepoint", description="The database in that account.")
    cosmos_key: SecretStr | None = Field(
        default=None, description="A key, for emulators; without one, managed identity is used."
    )
    cosmos_endpoint_discovery: bool = Field(
        default=True, description="Whether to ask the account for its regions; `false` for emulators."
    )
    cosmos_timeout_seconds: Annotated[float, Field(gt=0, le=200)] = Field(
        default=10.0, description="The longest that one database call may take, retries included."
    )
    azure_client_id: str | None = Field(
        default=None, description="The client id of the user-assigned managed identity."
    )
    keep_revisions: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20, description="How many revisions of a session are kept."
    )
    autosave_coalesce_seconds: Annotated[float, Field(ge=0, le=YEAR_SECONDS)] = Field(
        default=60, description="Of the autosaves within this span only the newest stays in the history."
    )
    touch_interval_seconds: Annotated[float, Field(ge=0, le=YEAR_SECONDS)] = Field(
        default=900, description="How often at most it is written down that a session was opened."
    )
    draft_retention_days: Annotated[int, Field(ge=1, le=CENTURY_DAYS)] = Field(
        default=30, description="How long a draft stays that is neither saved nor opened."
    )
    purge_schedule: str = Field(
        default="0 30 3 * * *",
        description="When `purge_stale_drafts` runs: six-field NCRONTAB, seconds first, UTC.",
    )
    tombstone_retention_days: Annotated[int, Field(ge=1, le=CENTURY_DAYS)] = Field(
        default=30, description="How long a deleted session or snapshot answers 410 before it is forgotten."
    )
    settle_grace_seconds: Annotated[float, Field(ge=0, le=YEAR_SECONDS)] = Field(
        default=900, description="No timer takes away what is younger: more than the longest request and any lag."
    )
    timer_items_max: Annotated[int, Field(ge=1)] = Field(
        default=20_000, description="How many items of one sort a timer's run takes on; the next run continues."
    )
    cleanup_schedule: str = Field(
        default="0 */15 * * * *",
        description="When `mark_deleted_snapshot_logs` and `sweep_sessions` run: six-field NCRONTAB, seconds "
        "first, UTC.",
    )
    snapshot_id_length: Annotated[int, Field(ge=ID_LENGTH, le=SNAPSHOT_ID_MAX_LENGTH)] = Field(
        default=ID_LENGTH, description="Characters of a new snapshot's id, 6 random bits each."
    )
    snapshot_default_days: Annotated[int, Field(ge=0, le=CENTURY_DAYS)] = Field(
        default=0, description="Days until a snapshot expires where its maker does not say; 0 for never."
    )
    snapshot_max_days: Annotated[int, Field(ge=0, le=CENTURY_DAYS)] = Field(
        default=0, description="Days until every snapshot expires at the latest; 0 for no such limit."
    )
    sessions_max: Annotated[int, Field(ge=0)] = Field(
        default=0, description="How many active and closed sessions one person may keep; 0 for any number."
    )
    drafts_max: Annotated[int, Field(ge=0)] = Field(
        default=0, description="How many drafts one person may keep; 0 for any number."
    )
    snapshots_max: Annotated[int, Field(ge=0)] = Field(
        default=0, description="How many snapshots one person may keep; 0 for any number."
    )
    stored_bytes_max: Annotated[int, Field(ge=0)] = Field(
        default=0, description="How many bytes the contents of one person may have, history aside; 0 for any."
    )
    snapshot_opens_per_minute: Annotated[int, Field(ge=0)] = Field(
        default=120,
        description="How many snapshots one person may open a minute, on average and in one process, and at most "
        "at once; 0 for any.",
    )
    show_visitors: bool = Field(
        default=False, description="Whether a snapshot's owner is told who opened it, not only how many."
    )
    local_origins: str = Field(
        default="",
        description="Origins besides loopback ones, separated by commas, that may call in the mode `local`.",
    )
    auth_providers: Names = Field(
        default=(),
        description="For `easyauth` and `swa`: the identity providers that are trusted, such as `aad`. One makes "
        "owner ids of the subject alone, several put the provider's name before it: not to be changed later.",
    )
    jwt_issuers: Names = Field(
        default=(),
        description="For `jwt`: the `iss` of the tokens that are trusted. One makes owner ids of the subject "
        "alone, several put the issuer before it: not to be changed later.",
    )
    jwt_audience: Names = Field(
        default=(), description="For `jwt`: the `aud` that tokens must have, or several of which one will do."
    )
    jwt_jwks_url: Names = Field(
        default=(),
        description="For `jwt`: where the keys of each of JWT_ISSUERS are, in their order. Empty: where its "
        "`/.well-known/openid-configuration` says.",
    )
    jwt_subject_claim: str = Field(
        default="sub", description="For `jwt`: the claim that owner ids are made of; `oid` for Entra."
    )
    expose_charge: bool = Field(
        default=False, description="Whether answers carry `Savepoint-Request-Charge`, what they cost."
    )
    in_azure: bool = Field(default=False, exclude=True)
    platform_authentication: bool = Field(default=False, exclude=True)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Reads upper-case names; an empty value counts as not set. Raises InvalidSettings, naming all that is
        wrong with values, or else all that does not go together."""
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
        if problems := settings._refusals():
            raise InvalidSettings(problems)
        return settings

    def place(self) -> Path | CosmosAccount:
        """Where things are kept: a folder, or a Cosmos DB account."""
        return self.data_dir if self.store_engine is StoreEngine.SQLITE else self.cosmos_account()

    def cosmos_account(self) -> CosmosAccount:
        """The Cosmos DB account. Only for STORE_ENGINE=cosmos."""
        assert self.cosmos_endpoint is not None, "from_environ refuses STORE_ENGINE=cosmos without it"
        return CosmosAccount(
            endpoint=self.cosmos_endpoint,
            database=self.cosmos_database,
            key=self.cosmos_key.get_secret_value() if self.cosmos_key else None,
            client_id=self.azure_client_id,
            endpoint_discovery=self.cosmos_endpoint_discovery,
            timeout_seconds=self.cosmos_timeout_seconds,
        )

    def store_rules(self) -> Rules:
        """The rules of the stores and the timers."""
        return Rules(
            limits=LimitRules(
                counts={
                    "sessions": self.sessions_max,
                    "drafts": self.drafts_max,
                    "snapshots": self.snapshots_max,
                },
                stored_bytes=self.stored_bytes_max,
            ),
            sessions=SessionRules(
                keep_revisions=self.keep_revisions,
                coalesce=timedelta(seconds=self.autosave_coalesce_seconds),
                touch_interval=timedelta(seconds=self.touch_interval_seconds),
            ),
            draft_retention=timedelta(days=self.draft_retention_days),
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

    def _refusals(self) -> list[str]:
        refusals = []
        if self.store_engine is StoreEngine.SQLITE and self.in_azure:
            refusals.append("STORE_ENGINE: sqlite is refused in Azure, where disks come and go; use cosmos")
        if self.store_engine is StoreEngine.COSMOS and self.cosmos_endpoint is None:
            refusals.append("COSMOS_ENDPOINT: required by STORE_ENGINE=cosmos")
        if self.auth_mode is AuthMode.LOCAL and self.in_azure:
            refusals.append("AUTH_MODE: local is refused in Azure, where anyone could name themselves anybody")
        if self.auth_mode in (AuthMode.EASYAUTH, AuthMode.SWA):
            if not self.platform_authentication:
                refusals.append(
                    f"AUTH_MODE: {self.auth_mode} trusts a header that anyone could send, unless App Service "
                    f"Authentication is on; the platform does not say that it is ({PLATFORM_AUTHENTICATION})"
                )
            refusals += principal_refusals(self.auth_providers)
        if self.auth_mode is AuthMode.JWT:
            refusals += bearer_refusals(
                self.jwt_issuers, self.jwt_audience, self.jwt_jwks_url, self.jwt_subject_claim
            )
        if self.in_azure and self.settle_grace_seconds < SETTLE_GRACE_MIN_SECONDS:
            refusals.append(
                f"SETTLE_GRACE_SECONDS: less than {SETTLE_GRACE_MIN_SECONDS} is refused in Azure: the timer would"
                " take away what a request is about to name"
            )
        return refusals
