"""The parts that the stores of one engine share."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from persistence.activity.store import RETENTION, ActivityStore
from persistence.background import Background
from persistence.idempotency import IdempotencyKeys
from persistence.limits import NO_LIMITS, LimitRules, Limits
from persistence.read_only import Guarded, Switch
from persistence.rules_in_force import RulesInForce
from persistence.storage.engine import Engine
from persistence.storage.refusals import CountedRefusals


@dataclass(frozen=True, slots=True)
class Shared:
    """Handed to every store."""

    engine: Engine
    limits: Limits
    idempotency: IdempotencyKeys
    background: Background
    activity: ActivityStore
    rules: RulesInForce
    switch: Switch

    @classmethod
    def over(
        cls,
        engine: Engine,
        limits: LimitRules = NO_LIMITS,
        activity_retention: timedelta = RETENTION,
        *,
        read_only: bool = False,
    ) -> Self:
        """The parts over an engine that is already open. All of them look at the switch before they write."""
        switch = Switch(engine, always=read_only)
        engine = Guarded(CountedRefusals(engine), switch)
        activity = ActivityStore(engine, activity_retention)
        return cls(
            engine,
            Limits(engine, limits),
            IdempotencyKeys(engine),
            Background(),
            activity,
            RulesInForce(engine),
            switch,
        )
