"""The base of the models of requests and responses, and the views of documents.

Views are sent, and their names end in `View`. Bodies are received, and their names end in `Body`. Schema names in
the API description have neither suffix.
"""

from functools import singledispatch
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class WireModel(BaseModel):
    """A view: camelCase in JSON, snake_case in Python."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        from_attributes=True,
        defer_build=True,  # A process that starts builds only what its first request needs.
    )


class BodyModel(BaseModel):
    """A request body: camelCase in JSON. Unknown members are refused."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, defer_build=True)


class QueryModel(BaseModel):
    """Query parameters: snake_case. Unknown parameters are refused, and so are repeated ones that are no list."""

    LISTS: ClassVar[frozenset[str]] = frozenset()
    """The parameters that are lists, separated by commas."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class Nothing(QueryModel):
    """No query parameters, or no body."""


@singledispatch
def view_of(document: object) -> WireModel | None:
    """Returns the view of a document; None if there is none, so that the document is not sent.

    A package registers its documents: `@view_of.register`.
    """
    return None
