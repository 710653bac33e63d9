"""The contents for measurements: real states of an application, or generated states like them."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

from benchmarks.deltas import Command, delta_of

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "states"


@dataclass(frozen=True, slots=True)
class State:
    """A content, named by its size. `real` is False if it is generated."""

    label: str
    content: str
    real: bool

    @property
    def key(self) -> str:
        """The size, in a form for user names."""
        return self.label.replace(",", "").replace(" ", "")

    def variant(self, number: int) -> str:
        """Returns a content of the same size and shape, with another hash."""
        mark = f"{number:06d}"
        return self.content[: -len(mark)] + mark


# The file, its size in bytes, and its compressed size.
_KNOWN = {
    "10 KB": ("team-topologies-10k.json", 10_172, 2_155),
    "218 KB": ("system-design-218k.json", 218_048, 34_025),
    "1,474 KB": ("domain-storytelling-1474k.json", 1_474_183, 152_787),
}


def states() -> list[State]:
    """Returns the three states, smallest first."""
    return [_state(label) for label in _KNOWN]


def generated(size: int, packed: int) -> str:
    """Returns a JSON text of exactly `size` bytes, which compresses to about `packed` bytes. The repeated part
    compresses to almost nothing, the random hexadecimal digits to half."""
    source = random.Random(size)
    words = (
        '{"type": "rectangle", "strokeWidth": 1, "roughness": 0, "groupIds": [], "opacity": 100, "id": "%s"},\n'
    )
    fixed = len(words) - 2
    # The repeated part of a line takes about eight bytes compressed.
    lines = max(1, size // 400)
    digits = max(1, 2 * (packed - 8 * lines) // lines)
    padding = max(0, size // lines - fixed - digits)
    line = words[:-2] + " " * padding + words[-2:]
    text = "".join(line % f"{source.getrandbits(4 * digits):0{digits}x}" for _ in range(lines))
    return (text + " " * size)[:size]


def _state(label: str) -> State:
    name, size, packed = _KNOWN[label]
    path = FOLDER / name
    if path.is_file():
        return State(label, path.read_text(), real=True)
    return State(label, generated(size, packed), real=False)


@dataclass(frozen=True, slots=True)
class Edited:
    """A content with edits in a few places, and the deltas between it and the content without them."""

    content: bytes
    there: bytes
    back: bytes


def edited(content: str, places: int = 6) -> Edited:
    """Replaces a few bytes in places that are spread over a content of ASCII, by other numbers of bytes."""
    base = content.encode()
    there, back, parts, old, new = list[Command](), list[Command](), list[bytes](), 0, 0
    for place in range(places):
        at, text = (2 * place + 1) * len(base) // (2 * places), b"*" * (place + 1)
        parts += [base[old:at], text]
        there += [(at - old, old), text]
        back += [(at - old, new), base[at : at + 3]]
        new += at - old + len(text)
        old = at + 3
    parts.append(base[old:])
    rest = len(base) - old
    result = b"".join(parts)
    return Edited(result, delta_of(result, *there, (rest, old)), delta_of(base, *back, (rest, new)))


def new_session(content: str) -> bytes:
    """Returns the body of a POST."""
    return json.dumps({"title": "Measured", "description": None, "content": content}).encode()


def session_update(content: str) -> bytes:
    """Returns the body of a PUT."""
    return json.dumps({"content": content}).encode()
