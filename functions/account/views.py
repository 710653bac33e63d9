"""The responses about the data of one person.

The kinds say what is counted and erased. So the handlers send numbers by name, and the API description has models
with a property for each name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field, RootModel, create_model
from pydantic.alias_generators import to_camel

from functions.http.ndjson import Line
from functions.http.views import QueryModel, WireModel, view_of
from persistence.account.erasure import Erasure
from persistence.kind import Exported, Kind
from persistence.limits import KEPT_BYTES, STORED_BYTES, TRASH_BYTES


class MeView(WireModel):
    """The caller."""

    owner_id: str = Field(description="The id under which everything of yours is stored.")


class UsageAndLimitsView(WireModel):
    """How much you keep, and how much you may keep."""

    used: dict[str, int] = Field(description="How much you keep.")
    limits: dict[str, int] = Field(description="How much you may keep. 0 is no limit.")


class ErasureView(RootModel[dict[str, int | bool]]):
    """What this call removed."""


class ExportQuery(QueryModel):
    """Where the export continues."""

    cursor: str | None = Field(None, description="The `pageToken` in the last line of the call before.")


def usage_and_limits(used: Mapping[str, int], limits: Mapping[str, int]) -> UsageAndLimitsView:
    """Returns the view of a usage and of its limits."""
    return UsageAndLimitsView(used=_named(used), limits=_named(limits))


def erasure(erased: Erasure) -> ErasureView:
    """Returns the view of an erasure."""
    return ErasureView({**_named(erased.counts), "done": erased.done})


def export_line(exported: Exported, cursor: str) -> Line:
    """Returns a line of the export as JSON. A page does not end between a session and its newest version, because
    an import needs both."""
    fields = {to_camel(name): _sent(value) for name, value in exported.fields.items()}
    line: dict[str, Any] = {"kind": exported.kind, **fields}
    if exported.content is not None:
        line["content"] = exported.content.decode()
    if exported.unreadable:
        line["unreadable"] = True
    return Line(line, None if exported.kind == "session" else cursor)


def views_for(kinds: Sequence[Kind]) -> Mapping[type, type]:
    """Returns the models for the API description, by the views that they describe."""
    counted = {one.name: one.description for kind in kinds for one in kind.counted}
    *first, last = counted
    all_things = f"all {', '.join(first)} and {last}"
    stored = {
        STORED_BYTES: f"Bytes of the current contents of {all_things}.",
        KEPT_BYTES: f"Bytes of all contents of {all_things}: current ones, those in histories, and the trash.",
        TRASH_BYTES: "Bytes of all contents in the trash. Purging it frees them.",
    }
    amounts = _model(
        "AmountsView",
        "Numbers of things, and bytes of content.",
        _numbers(counted | stored),
    )
    used_and_limits = {
        name: (amounts, Field(description=field.description))
        for name, field in UsageAndLimitsView.model_fields.items()
    }
    erasures = [kind.erase for kind in kinds if kind.erase is not None]
    removed = {name: text for each in erasures for name, text in each.counts.items()}
    done = Field(description="True if nothing is left. If it is false, repeat the call.")
    return {
        view: _model(view.__name__, view.__doc__ or "", fields)
        for view, fields in {
            UsageAndLimitsView: used_and_limits,
            ErasureView: {**_numbers(removed), "done": (bool, done)},
        }.items()
    }


def _named(numbers: Mapping[str, int]) -> dict[str, int]:
    return {to_camel(name): number for name, number in numbers.items()}


def _sent(value: object) -> object:
    if isinstance(value, str):
        return value
    view = view_of(value)
    if view is None:
        raise TypeError(f"{type(value).__name__} has no view")
    return view.model_dump(mode="json")


def _numbers(descriptions: Mapping[str, str]) -> dict[str, Any]:
    return {name: (int, Field(description=text)) for name, text in descriptions.items()}


def _model(name: str, doc: str, fields: Mapping[str, Any]) -> type[BaseModel]:
    model: type[BaseModel] = create_model(name, __base__=WireModel, __doc__=doc, **fields)
    return model
