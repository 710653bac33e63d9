"""Django models: how they are written, and that nothing is sent before a transaction is committed."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save

from savepoint_client.models.registry import Kind

if TYPE_CHECKING:
    from savepoint_client.models.saving import Models


def kind_of(cls: Any) -> Kind:
    return Kind(cls._meta.label_lower, lambda it: it.pk, _dumps, lambda text: _loads(cls, text))


def _dumps(instance: Any) -> str:
    """Fields by name. Files as name and digest, many-to-many as keys, the rest as in fixtures."""
    fields = {field.attname: _value(field, instance) for field in instance._meta.concrete_fields}
    many = {
        field.name: sorted(
            (_plain(key) for key in getattr(instance, field.name).values_list("pk", flat=True)), key=str
        )
        for field in instance._meta.many_to_many
    }
    return json.dumps({"model": instance._meta.label_lower, "fields": fields, "many": many}, sort_keys=True)


def _value(field: Any, instance: Any) -> Any:
    value = field.value_from_object(instance)
    if isinstance(field, models.FileField):
        return _file(value)
    if isinstance(field, models.BinaryField):
        return None if value is None else b64encode(bytes(value)).decode()
    if isinstance(field, models.JSONField) or value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(field, models.ForeignKey):
        return _plain(value)
    return value.isoformat() if hasattr(value, "isoformat") else field.value_to_string(instance)


def _file(file: Any) -> dict[str, str] | None:
    if not file:
        return None
    digest = sha256()
    with file.open("rb") as opened:
        for chunk in opened.chunks():
            digest.update(chunk)
    return {"name": file.name, "sha256": digest.hexdigest()}


def _plain(key: Any) -> Any:
    return key if isinstance(key, int | str) else str(key)


def _loads(cls: Any, text: str) -> Any:
    found = json.loads(text)["fields"]
    values = {}
    for field in cls._meta.concrete_fields:
        if field.attname not in found:
            continue  # a field that is newer than what was saved
        value = found[field.attname]
        if isinstance(field, models.FileField):
            value = value["name"] if value else ""
        elif isinstance(field, models.BinaryField):
            value = None if value is None else b64decode(value)
        elif not isinstance(field, models.JSONField):
            value = field.to_python(value)
        values[field.attname] = value
    return cls(**values)


def after_commit(instances: Sequence[Any], name: str, work: Callable[[list[Any]], object]) -> bool:
    """Works after the commit with what was committed, once for a name. Returns False outside a transaction."""
    alias = instances[0]._state.db or DEFAULT_DB_ALIAS
    connection = connections[alias]
    if not connection.in_atomic_block:
        return False
    if any(getattr(each[1], "savepoint_name", None) == name for each in connection.run_on_commit):
        return True
    wanted = [(type(each)._base_manager.using(alias), each.pk) for each in instances]

    def run() -> None:
        work([found for manager, pk in wanted if (found := manager.filter(pk=pk).first())])

    run.savepoint_name = name  # type: ignore[attr-defined]
    transaction.on_commit(run, using=alias, robust=True)  # the request has succeeded
    return True


def track(by: "Models", *classes: Any) -> None:
    """Saves instances of these classes whenever Django does, and moves deleted ones to the trash.

    `update()` and `bulk_create()` send no signals: call `auto_save_bulk` after them. Fixtures are skipped.
    """

    def saved(sender: Any, instance: Any, raw: bool = False, **given: Any) -> None:
        if not raw:
            by.save_committed(instance)

    def deleted(sender: Any, instance: Any, **given: Any) -> None:
        by.quietly(lambda: by.auto_delete(instance))

    def many_changed(sender: Any, instance: Any, action: str, **given: Any) -> None:
        if action.startswith("post_") and isinstance(instance, classes):
            by.save_committed(instance)

    for cls in classes:
        uid = f"savepoint {cls._meta.label_lower}"
        post_save.connect(saved, sender=cls, weak=False, dispatch_uid=uid)
        post_delete.connect(deleted, sender=cls, weak=False, dispatch_uid=uid)
        for field in cls._meta.many_to_many:
            through = getattr(cls, field.name).through
            m2m_changed.connect(many_changed, sender=through, weak=False, dispatch_uid=f"{uid} {field.name}")
