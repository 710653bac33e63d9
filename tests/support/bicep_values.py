"""Evaluates Bicep files for tests: what a template makes of its parameters.

Knows only the part of the language and the functions that these files use. What is known only in Azure, such as
`environment()` and the outputs of modules, comes from a table. Anything else raises.
"""

import json
import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.bicep import FOLDER

_TOKEN = re.compile(
    r"(?P<blank>[ \t]+|//[^\n]*)|(?P<line>\n\s*)|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>=>|==|!=|&&|\|\||[!?:,()\[\]{}.=@*<>+-])"
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_STATEMENTS = {"param", "var", "resource", "module", "output"}
_LEVELS: tuple[Mapping[str, Callable[[Any, Any], Any]], ...] = (
    {"||": lambda a, b: a or b},
    {"&&": lambda a, b: a and b},
    {"==": lambda a, b: a == b, "!=": lambda a, b: a != b},
    {">": lambda a, b: a > b},
)

Scope = Mapping[str, Any]
Thunk = Callable[[Scope], Any]
"""An expression. Takes the values of names."""


class Stopped(Exception):
    """The template stops the deployment, with this message."""


def _fail(message: str) -> None:
    raise Stopped(message)


def _union(*parts: Any) -> Any:
    if isinstance(parts[0], Mapping):
        return {name: value for part in parts for name, value in part.items()}
    return list(dict.fromkeys(value for part in parts for value in part))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "concat": lambda *parts: sum(parts, []) if isinstance(parts[0], list) else "".join(parts),
    "contains": lambda container, item: item in container,
    "empty": lambda value: not value,
    "fail": _fail,
    "filter": lambda values, test: [value for value in values if test(value)],
    "guid": lambda *parts: "-".join(parts),
    "items": lambda value: [{"key": name, "value": each} for name, each in sorted(value.items())],
    "join": lambda values, separator: separator.join(values),
    "length": len,
    "loadJsonContent": lambda name: json.loads((FOLDER / name).read_text()),
    "map": lambda values, make: [make(value) for value in values],
    "split": lambda text, separator: text.split(separator),
    "startsWith": lambda text, start: text.lower().startswith(start.lower()),
    "string": str,
    "toLower": lambda text: text.lower(),
    "toUpper": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
    "union": _union,
}


def _tokens(text: str) -> list[tuple[str, Any]]:
    """Returns kinds and values. A string is a list of texts and expressions."""
    found: list[tuple[str, Any]] = []
    at = 0
    while at < len(text):
        if text[at] == "'":
            parts, at = _string(text, at + 1)
            found.append(("string", parts))
            continue
        match = _TOKEN.match(text, at)
        assert match is not None and match.lastgroup is not None, text[at : at + 40]
        if match.lastgroup != "blank":
            found.append((match.lastgroup, match[0]))
        at = match.end()
    return [*found, ("line", "\n"), ("end", "")]


def _string(text: str, at: int) -> tuple[list[str | Thunk], int]:
    parts: list[str | Thunk] = [""]
    while text[at] != "'":
        if text.startswith("${", at):
            end, depth, quoted = at + 2, 1, False
            while depth:
                quoted ^= text[end] == "'"
                depth += 0 if quoted else {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            parts += [_Parser(text[at + 2 : end - 1]).expression(), ""]
            at = end
        elif text[at] == "\\":
            parts[-1] += _ESCAPES.get(text[at + 1], text[at + 1])  # type: ignore[operator]
            at += 2
        else:
            parts[-1] += text[at]  # type: ignore[operator]
            at += 1
    return parts, at + 1


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens, self._at = _tokens(text), 0

    def statements(self) -> list[tuple[str, str, Thunk | None]]:
        """Returns kind, name and value of each declaration. A resource has the value of its body."""
        found = []
        while self._peek()[0] != "end":
            kind = self._next()
            if kind[1] not in _STATEMENTS:
                self._skip_line(kind)
                continue
            name = self._next()[1]
            while self._peek()[1] not in ("=", "\n") and self._peek()[0] != "line":
                self._next()
            found.append((kind[1], name, self._body() if self._take("=") else None))
        return found

    def _body(self) -> Thunk:
        if not self._take("if"):
            return self.expression()
        condition, body = self._primary(), self.expression()
        return lambda scope: body(scope) if condition(scope) else None

    def _skip_line(self, token: tuple[str, Any]) -> None:
        """Skips an empty line, a decorator or `targetScope`."""
        depth = 0
        while token[0] != "line" or depth:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token[1], 0) if isinstance(token[1], str) else 0
            token = self._next()

    def expression(self) -> Thunk:
        condition = self._binary(0)
        if not self._take("?"):
            return condition
        yes = self.expression()
        self._expect(":")
        no = self.expression()
        return lambda scope: yes(scope) if condition(scope) else no(scope)

    def _binary(self, level: int) -> Thunk:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while (operator := _LEVELS[level].get(str(self._peek()[1]))) is not None:
            self._next()
            left = _applied(operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Thunk:
        if self._take("!"):
            operand = self._unary()
            return lambda scope: not operand(scope)
        value = self._primary()
        while self._take("."):
            value = _member(value, self._next()[1])
        return value

    def _primary(self) -> Thunk:
        kind, value = self._next()
        if kind == "string":
            return lambda scope: "".join(part if isinstance(part, str) else str(part(scope)) for part in value)
        if kind == "number":
            return lambda scope: int(value)
        if kind == "name":
            return self._named(value)
        if value == "(":
            inner = self.expression()
            self._expect(")")
            return inner
        return self._array() if value == "[" else self._object()

    def _named(self, name: str) -> Thunk:
        if name in ("true", "false", "null"):
            return lambda scope: {"true": True, "false": False, "null": None}[name]
        if self._take("=>"):
            body = self.expression()
            return lambda scope: lambda value: body(_with(scope, name, value))
        if not self._take("("):
            return lambda scope: scope[name]
        arguments = self._listed(")")
        if name in FUNCTIONS:
            return lambda scope: FUNCTIONS[name](*(each(scope) for each in arguments))
        return lambda scope: scope[f"{name}()"]

    def _array(self) -> Thunk:
        self._lines()
        if not self._take("for"):
            members = self._listed("]")
            return lambda scope: [each(scope) for each in members]
        item = self._next()[1]
        self._expect("in")
        values = self.expression()
        self._expect(":")
        body = self.expression()
        self._lines()
        self._expect("]")
        return lambda scope: [body(_with(scope, item, value)) for value in values(scope)]

    def _object(self) -> Thunk:
        members: list[tuple[Thunk, Thunk]] = []
        self._lines()
        while not self._take("}"):
            kind, key = self._next()
            name = _constant(key) if kind == "name" else _text(key)
            self._expect(":")
            members.append((name, self.expression()))
            self._take(",")
            self._lines()
        return lambda scope: {name(scope): value(scope) for name, value in members}

    def _listed(self, end: str) -> list[Thunk]:
        found = []
        self._lines()
        while not self._take(end):
            found.append(self.expression())
            self._take(",")
            self._lines()
        return found

    def _lines(self) -> None:
        while self._peek()[0] == "line":
            self._next()

    def _peek(self) -> tuple[str, Any]:
        return self._tokens[self._at]

    def _next(self) -> tuple[str, Any]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, value: str) -> bool:
        taken = bool(self._peek()[1] == value)
        self._at += taken
        return taken

    def _expect(self, value: str) -> None:
        assert self._take(value), f"{value} expected, not {self._tokens[self._at : self._at + 5]}"


def _with(scope: Scope, name: str, value: object) -> Scope:
    # A copy would work out every value.
    return ChainMap({name: value}, scope)  # type: ignore[arg-type]


def _applied(operator: Callable[[Any, Any], Any], left: Thunk, right: Thunk) -> Thunk:
    return lambda scope: operator(left(scope), right(scope))


def _member(value: Thunk, name: str) -> Thunk:
    return lambda scope: value(scope)[name]


def _constant(value: str) -> Thunk:
    return lambda scope: value


def _text(parts: list[str | Thunk]) -> Thunk:
    return lambda scope: "".join(part if isinstance(part, str) else str(part(scope)) for part in parts)


@dataclass
class Evaluated(Mapping[str, Any]):
    """The values of one file, by name. Outputs are in `outputs`. `given` has parameters, and what Azure knows."""

    given: Mapping[str, Any]
    declared: dict[str, Thunk] = field(default_factory=dict)
    outputs: dict[str, Thunk] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.given[name] if name in self.given else self.declared[name](self)

    def __iter__(self) -> Any:
        return iter({**self.given, **self.declared})

    def __len__(self) -> int:
        return len({**self.given, **self.declared})

    def output(self, name: str) -> Any:
        return self.outputs[name](self)


def evaluated(file: str, given: Mapping[str, Any]) -> Evaluated:
    """Reads a file. A value is worked out when it is asked for, so only then KeyError says what is missing."""
    found = Evaluated(given)
    for kind, name, value in _Parser((FOLDER / file).read_text()).statements():
        if value is not None:
            (found.outputs if kind == "output" else found.declared)[name] = value
    return found
