"""Conditions: what `*` and missing conditions mean."""

import pytest

from persistence.conditions import ANY_TAG, NO_CONDITIONS, Conditions


@pytest.mark.parametrize("tag", ['"1-0123456789abcdef"', 'W/"x"', "", "*"])
def test_any_tag_contains_every_tag(tag: str) -> None:
    assert tag in ANY_TAG


def test_only_any_tag_allows_only_something_new() -> None:
    assert Conditions(if_none_match=ANY_TAG).only_new
    for conditions in (
        NO_CONDITIONS,
        Conditions(if_none_match=frozenset({"*"})),
        Conditions(if_none_match=frozenset({'"1-a"'})),
        Conditions(if_match=ANY_TAG),
    ):
        assert not conditions.only_new


def test_no_tag_at_all_is_not_a_missing_condition() -> None:
    """An If-Match with no valid tag matches nothing. Without the header, any state will do."""
    assert Conditions(if_match=frozenset()).if_match is not None
    assert NO_CONDITIONS == Conditions() and NO_CONDITIONS.if_match is None
