"""Filters checked against a document model before any query runs."""

import types
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from functools import cache
from math import isfinite
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WrapSerializer,
    WrapValidator,
)

from persistence.errors import InvalidField
from persistence.storage.query import Filter, Operator

_EQUALITY = frozenset({Operator.EQUAL, Operator.NOT_EQUAL, Operator.IN})
_TEXT = frozenset({Operator.CONTAINS, Operator.STARTS_WITH})
_ANY = frozenset(Operator)
_INTEGER_MAX = 2**63 - 1
_CONVERSIONS = (
    *(BeforeValidator, AfterValidator, PlainValidator, WrapValidator),
    *(PlainSerializer, WrapSerializer),
)


class FilterFactory:
    """Makes filters for one document model.

    The path may name any field of the model: nested, inherited, Optional or computed. The operator must suit the
    field's type. The value must be valid for the field, and is converted to its stored form. A new model needs
    no new code.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def create(self, path: str, value: object, operator: Operator | str) -> Filter:
        """Returns a filter on `path`. IN takes several values. Raises InvalidField, which names the path."""
        annotation = _annotation_at(self._model, path)
        try:
            operator = Operator(operator)
        except ValueError as exc:
            raise InvalidField(path, f"unknown operator {str(operator)[:40]!r}") from exc
        if operator not in _operators_of(annotation):
            raise InvalidField(path, f"cannot be compared with {operator.value}")
        adapter = _adapter(annotation, operator in _TEXT)
        if operator is not Operator.IN:
            return Filter(path, operator, _stored(adapter, annotation, path, value))
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise InvalidField(path, "IN takes a list of values")
        values = tuple(_stored(adapter, annotation, path, one) for one in value)
        if not values:
            raise InvalidField(path, "IN takes at least one value")
        return Filter(path, operator, values)


def _annotation_at(model: type[BaseModel], path: str) -> Any:
    current: Any = model
    for name in path.split("."):
        current = _bare(current)
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            raise InvalidField(path[:80], "there is no such field")
        current = _fields(current).get(name)
        if current is None:
            raise InvalidField(path[:80], "there is no such field")
    if not _operators_of(current):
        raise InvalidField(path, "cannot be filtered by")
    return current


@cache
def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """Returns the type of each field by its stored name: without Optional, with the field's own metadata."""
    # The types of computed fields are only known after the model is built, and that may be deferred.
    model.model_rebuild()
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        annotation: Any = _required(field.annotation)
        for extra in field.metadata:
            annotation = Annotated[annotation, extra]
        fields[field.alias or name] = annotation
    for name, computed in model.model_computed_fields.items():
        fields[computed.alias or name] = _required(computed.return_type)
    return fields


def _required(annotation: Any) -> Any:
    """Returns the type without `| None`."""
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [arg for arg in get_args(annotation) if arg is not type(None)]
        if len(rest) == 1:
            return rest[0]
    return annotation


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _operators_of(annotation: Any) -> frozenset[Operator]:
    bare = _bare(annotation)
    if get_origin(bare) is Literal:
        return _EQUALITY
    if not isinstance(bare, type):
        return frozenset()
    if issubclass(bare, bool | Enum):
        return _EQUALITY
    if issubclass(bare, str):
        return _ANY
    # At run time AwareDatetime is not a subclass of datetime.
    if issubclass(bare, int | float | datetime) or bare is AwareDatetime:
        return _ANY - _TEXT
    return frozenset()


@cache
def _adapter(annotation: Any, fragment: bool) -> TypeAdapter[Any]:
    """Returns a validator for values. A fragment of a text is converted like the field, but has no limits."""
    if fragment:
        metadata = _metadata(annotation)
        annotation = _bare(annotation)
        for one in metadata:
            if isinstance(one, _CONVERSIONS):
                annotation = Annotated[annotation, one]
            elif isinstance(one, StringConstraints):
                case = StringConstraints(to_lower=one.to_lower, to_upper=one.to_upper)
                annotation = Annotated[annotation, case]
    return TypeAdapter(annotation)


def _metadata(annotation: Any) -> list[Any]:
    found: list[Any] = []
    while get_origin(annotation) is Annotated:
        annotation, *extras = get_args(annotation)
        found = [*extras, *found]
    return found


def _stored(adapter: TypeAdapter[Any], annotation: Any, path: str, value: object) -> Any:
    # Strict, so that "5" is not a number. Not strict for an enum, so that its value can name the member.
    bare = _bare(annotation)
    strict = not (isinstance(bare, type) and issubclass(bare, Enum))
    try:
        stored = adapter.dump_python(adapter.validate_python(value, strict=strict), mode="json")
    except ValidationError as exc:
        raise InvalidField(path, exc.errors(include_url=False, include_input=False)[0]["msg"]) from exc
    _check_storable(path, stored)
    return stored


def _check_storable(path: str, value: object) -> None:
    """Raises InvalidField for a value that no engine accepts as a parameter."""
    if isinstance(value, float) and not isfinite(value) or isinstance(value, int) and abs(value) > _INTEGER_MAX:
        raise InvalidField(path, "is out of range")
    try:
        str(value).encode()
    except UnicodeEncodeError as exc:
        raise InvalidField(path, "is not valid Unicode") from exc
