"""The parts of stored documents: ids, times, and the types of fields."""

import base64
import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from nanoid import generate as nanoid
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

TITLE_MAX_CHARACTERS = 255
DESCRIPTION_MAX_CHARACTERS = 2_000
LABEL_MAX_CHARACTERS = 100
DEVICE_MAX_CHARACTERS = 255
REVISION_NAME_MAX_CHARACTERS = 60
ID_LENGTH = 12
SNAPSHOT_ID_MAX_LENGTH = 64

_ID_CHARACTERS = re.compile(r"[A-Za-z0-9_-]+")


def new_id(length: int = ID_LENGTH) -> str:
    """Returns a new random id: characters of A-Za-z0-9_-, 6 bits each from a secure random source."""
    return nanoid(size=length)


def derived_id(*names: str) -> str:
    """Returns the id that follows from these names: 12 characters of their SHA-256, in base64url."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:ID_LENGTH]


def is_id(text: str, longest: int = ID_LENGTH) -> bool:
    """Returns True if the text has the form of an id of 12 to `longest` characters."""
    return ID_LENGTH <= len(text) <= longest and _ID_CHARACTERS.fullmatch(text) is not None


def _no_number(value: object) -> object:
    """Refuses what pydantic takes for seconds since 1970: a damaged time must not be an early one."""
    if isinstance(value, int | float):
        raise ValueError("is not a time")
    return value


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("is out of range") from exc


def timestamp_text(value: datetime) -> str:
    """Returns the stored form: UTC, fixed width, microseconds, Z. So text order is time order."""
    return value.isoformat("T", "microseconds").removesuffix("+00:00") + "Z"


def now() -> datetime:
    """Returns the present time, aware, in UTC."""
    return datetime.now(UTC)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    return text


# White space (Unicode's White_Space), what is ignored where it is shown (Default_Ignorable_Code_Point), control
# characters but NUL, interlinear marks and the empty Braille pattern.
_SEEN_CHARACTER = re.compile(
    "[^\\u0000-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f"
    "\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def _seen(text: str) -> str:
    if text and not _SEEN_CHARACTER.search(text):
        raise ValueError("must have a character that can be seen")
    return text


def device_text(text: str) -> str:
    """Returns the name of a device as it is kept: without NUL, and cut if it is too long."""
    return text.replace("\0", "")[:DEVICE_MAX_CHARACTERS]


def title_with(suffix: str, title: str) -> str:
    """Returns a title with a suffix. The title is cut if both are too long."""
    return title[: TITLE_MAX_CHARACTERS - len(suffix)] + suffix


def caseless(text: str) -> str:
    """Returns a text without the differences that a search ignores: case, and composed or decomposed characters.

    Two texts that match canonically and without case (Unicode, section 3.13, definition D145) become equal. The
    folding is the default one, for no language: İ becomes i and U+0307, and ı stays ı.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _device(text: str | None) -> str | None:
    return None if text is None else device_text(text) or None


Timestamp = Annotated[
    AwareDatetime,
    BeforeValidator(_no_number),
    AfterValidator(_to_utc),
    PlainSerializer(timestamp_text, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),  # the serializer alone has no schema
]
CaselessText = Annotated[str, AfterValidator(caseless)]
"""What filters compare with a stored caseless twin."""
# Only describes what the validator checks, because its message is clearer than that of a pattern.
_NO_NUL = Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})
# Stores and searches take the types whose names end in Text: what is kept may be older than the rule about what is
# seen.
TitleText = Annotated[
    str, StringConstraints(min_length=1, max_length=TITLE_MAX_CHARACTERS), AfterValidator(_without_nul), _NO_NUL
]
Title = Annotated[TitleText, AfterValidator(_seen)]
Description = Annotated[
    str, StringConstraints(max_length=DESCRIPTION_MAX_CHARACTERS), AfterValidator(_without_nul), _NO_NUL
]
LabelText = Annotated[
    str, StringConstraints(min_length=1, max_length=LABEL_MAX_CHARACTERS), AfterValidator(_without_nul), _NO_NUL
]
Label = Annotated[LabelText, AfterValidator(_seen)]
RevisionName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=REVISION_NAME_MAX_CHARACTERS),
    AfterValidator(_without_nul),
    AfterValidator(_seen),
    _NO_NUL,
]


# Not a union of Label and "": pydantic would report one fault for each of the two.
ClearableLabelText = Annotated[
    str, StringConstraints(max_length=LABEL_MAX_CHARACTERS), AfterValidator(_without_nul), _NO_NUL
]
ClearableLabel = Annotated[ClearableLabelText, AfterValidator(_seen)]
# A device only informs, so no text of it is refused. An empty one counts as none.
Device = Annotated[str | None, AfterValidator(_device)]
# It becomes a response header, so it is a type alone: no line break, no parameter.
MEDIA_TYPE_PATTERN = r"^[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}$"
MediaType = Annotated[str, StringConstraints(pattern=MEDIA_TYPE_PATTERN)]


class Document(BaseModel):
    """What every stored item has. Immutable: a change makes a new document."""

    # Deferred, as in all models: a starting process builds only what its first request needs.
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True, defer_build=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    kind: str
    id: str

    def to_item(self) -> dict[str, Any]:
        """Plain JSON for an engine."""
        return self.model_dump(mode="json")
