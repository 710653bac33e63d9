"""What all bodies have in common."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, SerializerFunctionWrapHandler, field_serializer


def text_of(time: datetime) -> str:
    """Returns a time as the server writes it: of fixed width, so that text order is time order."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Body(BaseModel):
    """The body of a request or of a response. As JSON, it has the text that the server sent."""

    @field_serializer("*", mode="wrap", when_used="json")
    def _written(self, value: Any, write: SerializerFunctionWrapHandler) -> Any:
        return text_of(value) if isinstance(value, datetime) else write(value)
