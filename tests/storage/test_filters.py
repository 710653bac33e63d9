"""FilterFactory checks every path, operator and value against the model before any query runs."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import pytest
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    computed_field,
)

from persistence.documents import Timestamp
from persistence.errors import InvalidField
from persistence.sessions.documents import SessionHead
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Filter, Operator


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Base(BaseModel):
    inherited: int


class Part(BaseModel):
    name: Annotated[str, StringConstraints(min_length=2, max_length=5)]
    at: Timestamp


class Whole(Base):
    text: str
    number: int
    ratio: float
    flag: bool
    colour: Colour
    level: Level
    word: Literal["a", "b"]
    at: AwareDatetime
    optional: int | None = None
    old_optional: Optional[str] = None  # noqa: UP045  # both spellings are in use
    part: Part
    optional_part: Part | None = None
    described_part: Annotated[Part, Field(description="a part")]
    strict_part: Part = Field(strict=True)
    bounded: int = Field(default=0, ge=0, le=10)
    lower: Annotated[str, StringConstraints(to_lower=True, max_length=5)]
    folded: Annotated[str, AfterValidator(str.casefold)]
    short: str = Field(default="", max_length=3, pattern="^[a-z]*$")
    shouted: Annotated[str, PlainSerializer(str.upper)]
    aliased: str = Field(alias="storedName")
    either: int | str
    many: list[str]
    mapping: dict[str, str]
    exact: Decimal
    uuid: UUID
    day: date
    raw: bytes
    anything: Any

    @computed_field  # type: ignore[prop-decorator]
    @property
    def computed(self) -> str:
        return self.text

    @computed_field(alias="storedComputed")  # type: ignore[prop-decorator]
    @property
    def computed_optional(self) -> int | None:
        return None

    @property
    def plain(self) -> str:
        return self.text


class Special(Whole):
    own: str


factory = FilterFactory(Whole)
EQUALITY = {Operator.EQUAL, Operator.NOT_EQUAL, Operator.IN}
FRAGMENTS = {Operator.CONTAINS, Operator.STARTS_WITH}
EVERY = set(Operator)

# For each path: a value, its stored form, and the operators that suit the path.
FIELDS: list[tuple[str, Any, Any, set[Operator]]] = [
    ("text", "a 'b' \"c\"", "a 'b' \"c\"", EVERY),
    ("number", 5, 5, EVERY - FRAGMENTS),
    ("ratio", 0.5, 0.5, EVERY - FRAGMENTS),
    ("ratio", 5, 5.0, EVERY - FRAGMENTS),
    ("flag", True, True, EQUALITY),
    ("colour", Colour.RED, "red", EQUALITY),
    ("colour", "blue", "blue", EQUALITY),
    ("level", Level.HIGH, 2, EQUALITY),
    ("word", "a", "a", EQUALITY),
    ("inherited", -1, -1, EVERY - FRAGMENTS),
    ("optional", 0, 0, EVERY - FRAGMENTS),
    ("old_optional", "", "", EVERY),
    ("part.name", "name", "name", EVERY),
    ("optional_part.name", "name", "name", EVERY),
    ("described_part.name", "name", "name", EVERY),
    ("strict_part.name", "name", "name", EVERY),
    ("part.at", datetime(2024, 1, 2, 3, tzinfo=UTC), "2024-01-02T03:00:00.000000Z", EVERY - FRAGMENTS),
    ("bounded", 10, 10, EVERY - FRAGMENTS),
    ("lower", "ABC", "abc", EVERY),
    ("folded", "Straße", "strasse", EVERY),
    ("shouted", "abc", "ABC", EVERY),
    ("storedName", "x", "x", EVERY),
    ("computed", "x", "x", EVERY),
    ("storedComputed", 3, 3, EVERY - FRAGMENTS),
]


@pytest.mark.parametrize(
    ("path", "value", "stored", "operators"),
    FIELDS,
    ids=[str(one[0]) + str(number) for number, one in enumerate(FIELDS)],
)
def test_a_field_takes_the_operators_that_suit_its_type(
    path: str, value: Any, stored: Any, operators: set[Operator]
) -> None:
    for operator in Operator:
        given = [value, value] if operator is Operator.IN else value
        if operator in operators:
            made = factory.create(path, given, operator)
            expected = (stored, stored) if operator is Operator.IN else stored
            assert made == Filter(path, operator, expected)
            assert type(made.value) is type(expected)
        else:
            with pytest.raises(InvalidField, match=f"{path}: cannot be compared with {operator}") as refused:
                factory.create(path, given, operator)
            assert refused.value.field == path


def test_an_operator_may_be_given_by_name() -> None:
    assert factory.create("text", "x", "CONTAINS") == Filter("text", Operator.CONTAINS, "x")


@pytest.mark.parametrize(
    "operator", ["LIKE", "equal", "", "=", None, 5, [], "E" * 1000], ids=lambda each: str(each)[:9]
)
def test_an_unknown_operator_is_refused_by_name(operator: Any) -> None:
    with pytest.raises(InvalidField, match="text: unknown operator") as refused:
        factory.create("text", "x", operator)
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize(
    "path",
    ["", ".", "missing", "part.missing", "part.name.more", "number.real", "aliased", "plain", "Text", " text"]
    + [
        "text ",
        "part..name",
        "part.",
        ".text",
        "own",
        "__class__",
        "model_config",
        "model_fields",
        "part.__dict__",
    ]
    + ["text'; --", "many.0", "mapping.key", "x" * 10_000, "part." * 5_000],
    ids=lambda path: path[:20],
)
def test_an_unknown_path_is_refused_by_name(path: str) -> None:
    with pytest.raises(InvalidField, match="there is no such field") as refused:
        factory.create(path, "x", "EQUAL")
    assert refused.value.field == path[:80]


@pytest.mark.parametrize(
    "path", ["part", "optional_part", "either", "many", "mapping", "exact", "uuid", "day", "raw", "anything"]
)
def test_what_cannot_be_compared_as_it_is_stored_cannot_be_filtered_by(path: str) -> None:
    for operator in Operator:
        with pytest.raises(InvalidField, match=f"{path}: cannot be filtered by"):
            factory.create(path, "x", operator)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("text", [5, None, b"bytes", ["x"], True, "lone \ud800"]),
        ("number", ["5", 5.5, None, True, "x", 2**63, -(2**63), 10**30]),
        ("ratio", ["0.5", None, True, float("nan"), float("inf"), float("-inf")]),
        ("flag", ["true", 0, 1, None]),
        ("colour", ["green", "RED", None, 1]),
        ("level", [3, None, "x"]),
        ("word", ["c", "A", None, 1]),
        ("at", ["2024-01-01T00:00:00Z", datetime(2024, 1, 1), date(2024, 1, 1), 0, None]),
        (
            "part.at",
            ["2024-01-01", datetime(2024, 1, 1), datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))],
        ),
        ("part.name", ["x", "longer", None]),
        ("optional", [None, "0"]),
        ("bounded", [-1, 11]),
        ("lower", ["longer", 5]),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_value_that_the_field_could_not_hold_is_refused(path: str, values: list[Any]) -> None:
    for value in values:
        for operator, given in ((Operator.EQUAL, value), (Operator.IN, [value])):
            with pytest.raises(InvalidField) as refused:
                factory.create(path, given, operator)
            assert refused.value.field == path


def test_a_fragment_is_converted_as_the_field_is_but_has_no_limits() -> None:
    for operator in FRAGMENTS:
        assert factory.create("part.name", "", operator).value == ""
        assert factory.create("part.name", "x" * 1000, operator).value == "x" * 1000
        assert factory.create("lower", "VERY LONG", operator).value == "very long"
        assert factory.create("folded", "SS", operator).value == "ss"
        assert factory.create("short", "LONGER", operator).value == "LONGER"
        for value in (5, None, b"x", "\ud800"):
            with pytest.raises(InvalidField, match="text: "):
                factory.create("text", value, operator)


def test_times_of_any_zone_are_compared_as_they_are_stored() -> None:
    tokyo = timezone(timedelta(hours=9))
    made = factory.create("part.at", datetime(2024, 1, 1, 8, 30, tzinfo=tokyo), "LESS")
    assert made.value == "2023-12-31T23:30:00.000000Z"


@pytest.mark.parametrize(
    "values",
    [("x", "y"), ["x", "y"], {"x": 1, "y": 2}, iter(["x", "y"])],
    ids=["tuple", "list", "dict", "iterator"],
)
def test_in_takes_any_collection(values: Iterable[str]) -> None:
    assert factory.create("text", values, "IN") == Filter("text", Operator.IN, ("x", "y"))


@pytest.mark.parametrize("value", ["text", b"text", 5, None, True, [], (), ["x", 5], [["x"]]], ids=repr)
def test_in_refuses_what_is_no_collection_or_holds_something_else(value: Any) -> None:
    with pytest.raises(InvalidField, match="text: "):
        factory.create("text", value, "IN")


def test_another_model_needs_no_new_code() -> None:
    special = FilterFactory(Special)
    assert special.create("own", "x", "EQUAL") == Filter("own", Operator.EQUAL, "x")
    assert special.create("inherited", 1, "LESS") == Filter("inherited", Operator.LESS, 1)
    assert special.create("part.name", "name", "EQUAL") == Filter("part.name", Operator.EQUAL, "name")


def test_a_model_that_is_not_built_yet_is_built() -> None:
    class Deferred(BaseModel):
        model_config = ConfigDict(defer_build=True)

        @computed_field  # type: ignore[prop-decorator]
        @property
        def computed(self) -> str:
            return "x"

    assert FilterFactory(Deferred).create("computed", "x", "EQUAL") == Filter("computed", Operator.EQUAL, "x")


def test_a_session_is_filtered_by_the_twins_of_its_texts() -> None:
    sessions = FilterFactory(SessionHead)
    made = sessions.create("metadata.title__lower", "ÉTÉ", "CONTAINS")
    assert made == Filter("metadata.title__lower", Operator.CONTAINS, "été")
    assert sessions.create("metadata.description__lower", "ABC", "STARTS_WITH").value == "abc"
    assert sessions.create("schema", 1, "EQUAL") == Filter("schema", Operator.EQUAL, 1)
    assert sessions.create("status", ["draft", "active"], "IN").value == ("draft", "active")
    for path in ("revisions", "revisions.version", "metadata.etag", "metadata"):
        with pytest.raises(InvalidField):
            sessions.create(path, "x", "EQUAL")
