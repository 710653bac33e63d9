"""Errors hold the facts that a caller can act on."""

import pytest

from persistence.errors import (
    Changed,
    ContentTooLarge,
    IllegalMove,
    ItemTooLarge,
    NotFound,
    PersistenceError,
    StorageFull,
    StoreUnavailable,
    TooMany,
)


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (ContentTooLarge("content", 11, 10), {"size": 11, "limit": 10}),
        (ContentTooLarge("content", None, 10), {"limit": 10}),
        (TooMany("sessions", 5, 5), {"what": "sessions", "used": 5, "limit": 5}),
        (StorageFull("stored bytes", 5, 6), {"what": "stored bytes", "used": 5, "limit": 6}),
        (
            IllegalMove("session", "id", "closed", "closed", ["reopened", "deleted"]),
            {"session_status": "closed", "legal": ("reopened", "deleted")},
        ),
        (Changed("session", "id", "the document"), {"current": "the document"}),
        (ItemTooLarge(11, 10), {}),
        (NotFound("session", "id"), {}),
        (StoreUnavailable(), {}),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_facts_are_what_a_caller_can_act_on(error: PersistenceError, facts: dict[str, object]) -> None:
    assert error.facts == facts
