"""Finds the function for a method and a path, by the rules of the Azure Functions host."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from devhost import StartError
from devhost.host import HttpFunction

PARAMETER = re.compile(r"\{(?P<rest>\*?)(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<optional>\??)\}")
ALL_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

Match = tuple[HttpFunction, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Shape:
    """The segments of one path length that a template matches: literals in lower case, None for a parameter.

    If `rest` is true, any number of further segments matches too.
    """

    segments: tuple[str | None, ...]
    rest: bool

    def covers(self, other: "Shape") -> bool:
        """Returns whether this shape matches every path that the other one matches."""
        mine, theirs = len(self.segments), len(other.segments)
        if not (mine <= theirs if self.rest else mine == theirs and not other.rest):
            return False
        return all(a is None or a == b for a, b in zip(self.segments, other.segments, strict=False))


class Route:
    """The route of one function, with the prefix. Only the last segment may be `{name?}` or `{*name}`."""

    def __init__(self, function: HttpFunction, prefix: str) -> None:
        self.function = function
        self.template = f"{prefix}/{function.route}" if prefix else function.route.removeprefix("/")
        self.literals: list[tuple[int, str]] = []
        self.parameters: list[tuple[int, str]] = []
        self.rest: str | None = None
        self._parse()

    def _parse(self) -> None:
        segments = self.template.removesuffix("/").split("/")
        optional = False
        for index, segment in enumerate(segments):
            found = PARAMETER.fullmatch(segment)
            if (optional or self.rest) or (not segment and len(segments) > 1):
                raise self._refused("no segment may be empty, or follow an optional or a rest parameter")
            if not found:
                if re.search(r"[{}?*]", segment):
                    raise self._refused(f"devhost supports {{name}}, {{name?}} and {{*name}}, not {segment}")
                self.literals.append((index, segment.lower()))
            elif found["rest"]:
                self.rest = found["name"]
            else:
                self.parameters.append((index, found["name"]))
                optional = bool(found["optional"])
        names = [name.lower() for _, name in self.parameters] + ([self.rest.lower()] if self.rest else [])
        if len(set(names)) < len(names):
            raise self._refused("it has two parameters of the same name")
        if self.function.route.strip("/").lower().startswith("admin"):
            raise self._refused("routes that begin with admin are reserved for the host")
        self.longest = len(segments) - (1 if self.rest else 0)
        self.shortest = self.longest - (1 if optional else 0)

    def _refused(self, reason: str) -> StartError:
        return StartError(f"function {self.function.name}: route {self.template!r}: {reason}")

    @property
    def methods(self) -> frozenset[str]:
        return self.function.methods or ALL_METHODS

    def shapes(self) -> Iterator[Shape]:
        for length in range(self.shortest, self.longest + 1):
            literals = dict(self.literals)
            yield Shape(tuple(literals.get(index) for index in range(length)), bool(self.rest))

    def match(self, segments: list[str], lowered: list[str]) -> dict[str, str] | None:
        """Returns the parameters, which are never empty, or None. The caller checks the number of segments."""
        for index, literal in self.literals:
            if lowered[index] != literal:
                return None
        parameters = {}
        for index, name in self.parameters:
            if index < len(segments):
                if not segments[index]:
                    return None
                parameters[name] = segments[index]
        if self.rest and len(segments) > self.longest:
            parameters[self.rest] = "/".join(segments[self.longest :])
        return parameters


class RouteTable:
    """All routes of an app, in the order in which the Azure Functions host tries them.

    The host sorts routes by the *name* of their function, and the first route that matches wins. ASP.NET Core's
    own precedence of literals over parameters does not apply. Raises StartError if a route can never be reached.
    Literal routes can therefore be looked up first.
    """

    def __init__(self, functions: Iterable[HttpFunction], prefix: str) -> None:
        self.routes = sorted((Route(each, prefix) for each in functions), key=lambda r: r.function.name.upper())
        for index, route in enumerate(self.routes):
            for earlier in self.routes[:index]:
                _refuse_shadow(earlier, route)
        self._literal: dict[str, list[HttpFunction]] = {}
        for route in self.routes:
            if not route.parameters and not route.rest:
                path = "/".join(literal for _, literal in route.literals)
                self._literal.setdefault(path, []).append(route.function)
        others = [route for route in self.routes if route.parameters or route.rest]
        longest = max((route.longest for route in others), default=0)
        self._by_length = [
            [r for r in others if r.shortest <= length and (r.rest or length <= r.longest)]
            for length in range(longest + 1)
        ]
        self._longer = [route for route in others if route.rest]

    def match(self, method: str, path: str) -> Match | None:
        """Returns the function and its route parameters. None if no route has path and method. Ignores case."""
        path = path.removeprefix("/").removesuffix("/")
        lowered = path.lower()
        for function in self._literal.get(lowered, ()):
            if function.methods is None or method in function.methods:
                return function, {}
        segments = path.split("/") if path else []
        count = len(segments)
        for route in self._by_length[count] if count < len(self._by_length) else self._longer:
            if route.function.methods is None or method in route.function.methods:
                parameters = route.match(segments, lowered.split("/"))
                if parameters is not None:
                    return route.function, parameters
        return None


def _refuse_shadow(earlier: Route, later: Route) -> None:
    """Raises StartError if the routes share a method and the earlier one matches every path of the later one."""
    shared = earlier.methods & later.methods
    if not shared or not any(a.covers(b) for b in later.shapes() for a in earlier.shapes()):
        return
    raise StartError(
        f"function {later.function.name}: route {later.template!r} would never be reached on Azure for "
        f"{', '.join(sorted(shared))}: Azure tries functions in alphabetical order of their names, and "
        f"{earlier.function.name} ({earlier.template!r}) comes first and matches; rename one of the two"
    )
