"""Values of widgets as JSON, and back: what comes back equals what was given."""

import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

TAG = "$savepoint"
"""The name of the type of a value that JSON does not know."""


def encode(value: Any) -> Any:
    """Raises TypeError if the value would not come back equal."""
    if isinstance(value, Enum):
        return _tagged("enum", [type(value).__module__, type(value).__qualname__, value.name])
    if value is None or isinstance(value, bool | str) or type(value) in (int, float):
        return value
    if isinstance(value, list):
        return [encode(each) for each in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value) and TAG not in value:
        return {key: encode(each) for key, each in value.items()}
    if type(value) in (tuple, set, frozenset):
        items = [encode(each) for each in value]
        return _tagged(type(value).__name__, items if isinstance(value, tuple) else sorted(items, key=repr))
    for cls, name, write, _ in _PLAIN:
        if type(value) is cls:
            return _tagged(name, write(value))
    return _of_library(value)


def _of_library(value: Any) -> Any:
    """Values of numpy and pandas, if the app has imported them."""
    module = type(value).__module__.partition(".")[0]
    if module == "numpy" and hasattr(value, "dtype"):
        if value.dtype.kind not in "biufUmM" or value.dtype.name in ("float128", "longdouble"):
            raise TypeError(f"Values of {value.dtype} cannot be saved.")
        kind = "array" if value.ndim else "number"
        plain = value.tolist() if value.dtype.kind in "biufU" else value.astype("int64").tolist()
        return _tagged(kind, [str(value.dtype), plain])
    if module == "pandas" and type(value).__name__ == "DataFrame":
        return _tagged("table", _table(value))
    raise TypeError(f"A value of {type(value).__name__} cannot be saved.")


def _table(frame: Any) -> Any:
    kinds = [str(kind) for kind in frame.dtypes]
    columns = []
    for n, kind in enumerate(kinds):
        column = frame.iloc[:, n]  # two columns may have one name
        if kind.startswith("datetime64"):
            column = column.map(lambda each: each.isoformat(), na_action="ignore")
        cells = [None if _is_missing(each) else encode(_native(each)) for each in column.tolist()]
        columns.append(cells)
    names = [encode(_native(each)) for each in frame.columns.tolist()]
    index = [encode(_native(each)) for each in frame.index.tolist()]
    return {"names": names, "index": index, "kinds": kinds, "columns": columns}


def _is_missing(cell: Any) -> bool:
    return (
        cell is None or type(cell).__name__ in ("NaTType", "NAType") or (isinstance(cell, float) and cell != cell)
    )


def _native(cell: Any) -> Any:
    return cell.item() if type(cell).__module__ == "numpy" and hasattr(cell, "item") else cell


def decode(value: Any) -> Any:
    """Raises ValueError, LookupError or TypeError if the value is of no known type."""
    if isinstance(value, list):
        return [decode(each) for each in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        return {key: decode(each) for key, each in value.items()}
    name, given = value[TAG], value["value"]
    if name in _COLLECTIONS:
        return _COLLECTIONS[name](decode(each) for each in given)
    if name == "enum":
        found: Any = sys.modules[given[0]]  # nothing is imported
        for part in given[1].split("."):
            found = getattr(found, part)
        return found[given[2]]
    if name in ("array", "number"):
        import numpy

        array = numpy.array(given[1]).astype(given[0])
        return array if name == "array" else array[()]
    if name == "table":
        return _frame(given)
    read = next(read for _, known, _, read in _PLAIN if known == name)
    return read(given)


def _frame(given: Any) -> Any:
    import pandas

    data = {n: pandas.Series(decode(cells), dtype="object") for n, cells in enumerate(given["columns"])}
    frame = pandas.DataFrame(data, columns=range(len(given["columns"])))
    for n, kind in enumerate(given["kinds"]):
        frame[n] = (
            pandas.to_datetime(frame[n]).astype(kind) if kind.startswith("datetime64") else frame[n].astype(kind)
        )
    frame.columns = [decode(each) for each in given["names"]]
    frame.index = pandas.Index([decode(each) for each in given["index"]])
    return frame


def _tagged(name: str, value: Any) -> dict[str, Any]:
    return {TAG: name, "value": value}


_COLLECTIONS: Mapping[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}
_PLAIN: tuple[tuple[type, str, Any, Any], ...] = (
    (datetime, "datetime", datetime.isoformat, datetime.fromisoformat),
    (date, "date", date.isoformat, date.fromisoformat),
    (time, "time", time.isoformat, time.fromisoformat),
    (
        timedelta,
        "timedelta",
        lambda it: [it.days, it.seconds, it.microseconds],
        lambda it: timedelta(it[0], it[1], it[2]),
    ),
    (Decimal, "decimal", str, Decimal),
    (UUID, "uuid", str, UUID),
    (bytes, "bytes", lambda it: b64encode(it).decode(), b64decode),
)
