"""The parts that the stores of one engine share."""

from dataclasses import dataclass
from typing import Self

from persistence.background import Background
from persistence.idempotency import IdempotencyKeys
from persistence.limits import NO_LIMITS, LimitRules, Limits
from persistence.storage.engine import Engine


@dataclass(frozen=True, slots=True)
class Shared:
    """Handed to every store."""

    engine: Engine
    limits: Limits
    idempotency: IdempotencyKeys
    background: Background

    @classmethod
    def over(cls, engine: Engine, limits: LimitRules = NO_LIMITS) -> Self:
        """The parts over an engine that is already open."""
        return cls(engine, Limits(engine, limits), IdempotencyKeys(engine), Background())
