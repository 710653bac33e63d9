"""How classes are named and written. Classes of pydantic, dataclasses and Django need no registration."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from hashlib import sha256
from json import dumps
from typing import Any

from pydantic import BaseModel, TypeAdapter


@dataclass(frozen=True)
class Kind:
    """`key` returns what tells two instances apart. `loads` returns an instance equal to the written one."""

    name: str
    key: Callable[[Any], object]
    dumps: Callable[[Any], str]
    loads: Callable[[str], Any]


class Registry:
    def __init__(self) -> None:
        self._kinds = dict[type, Kind]()

    def register(
        self,
        cls: type,
        *,
        name: str | None = None,
        key: str | Callable[[Any], object] | None = None,
        dumps: Callable[[Any], str] | None = None,
        loads: Callable[[str], Any] | None = None,
    ) -> None:
        """Says how a class is named and written. What is not given is as for a class that is not registered."""
        usual = _usual(cls) if dumps is None or loads is None else None
        key = key or (usual.key if usual else "id")
        self._kinds[cls] = Kind(
            name or (usual.name if usual else cls.__name__),
            key if callable(key) else _attribute(key),
            dumps or usual.dumps,  # type: ignore[union-attr]
            loads or usual.loads,  # type: ignore[union-attr]
        )

    def kind(self, cls: type) -> Kind:
        """Raises TypeError if nobody knows how the class is written."""
        if cls not in self._kinds:
            self._kinds[cls] = _usual(cls)
        return self._kinds[cls]


def session_id(app: str, name: str, key: object) -> str:
    """The id of the session of an instance. It follows from its class and its key: 72 bits of a hash."""
    if key is None:
        raise ValueError(f"A {name} without a key cannot be saved: save it in the database first.")
    text = dumps([app, name, str(key)])
    return urlsafe_b64encode(sha256(text.encode()).digest()[:9]).decode()


def _usual(cls: type) -> Kind:
    if hasattr(cls, "_meta") and hasattr(cls._meta, "label_lower"):
        from savepoint_client.models import django

        return django.kind_of(cls)
    if is_dataclass(cls) or issubclass(cls, BaseModel):
        adapter = TypeAdapter(cls)
        return Kind(
            cls.__name__,
            _attribute("id"),
            lambda it: adapter.dump_json(it, by_alias=True).decode(),
            lambda text: adapter.validate_json(text),
        )
    raise TypeError(f"{cls.__name__} is no dataclass, no pydantic model and no Django model: register it.")


def _attribute(name: str) -> Callable[[Any], object]:
    return lambda it: getattr(it, name)
