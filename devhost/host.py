"""Loads function_app.py and checks its functions as the Azure Functions worker does."""

import asyncio
import importlib
import inspect
import re
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func

from devhost import StartError
from devhost.local_settings import read_json_object
from persistence.timers.schedules import Schedule

SETTING = re.compile(r"%([^%]+)%")
FUNCTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")


class AppFault(StartError):
    """A bug in the code of function_app.py. `__cause__` is the exception, with its traceback."""


@dataclass(frozen=True, slots=True)
class Function:
    """A handler. Its one parameter, `argument`, receives the request or the timer."""

    name: str
    handler: Callable[..., Any]
    argument: str
    is_async: bool

    async def call(self, value: object) -> Any:
        """Runs an async handler on the event loop and a sync handler in a thread."""
        if self.is_async:
            return await self.handler(**{self.argument: value})
        return await asyncio.to_thread(self.handler, **{self.argument: value})


@dataclass(frozen=True, slots=True)
class HttpFunction(Function):
    """`route` excludes the prefix of host.json. If `methods` is None, every method is accepted."""

    route: str
    methods: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class TimerFunction(Function):
    schedule: Schedule
    run_on_startup: bool


def import_app(directory: Path) -> ModuleType:
    """Imports function_app.py from the directory, which is added to sys.path.

    Raises StartError if the file is missing, calls sys.exit, or raises an exception that is not built in:
    the authors of such messages wrote them for people. Raises AppFault for a built-in exception.
    """
    if not (directory / "function_app.py").is_file():
        raise StartError(f"there is no function_app.py in {directory}")
    sys.path.insert(0, str(directory))
    try:
        return importlib.import_module("function_app")
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())
        written = isinstance(error, SystemExit) or type(error).__module__ != "builtins"
        kind = StartError if written else AppFault
        raise kind(f"function_app.py could not be loaded: {type(error).__name__}: {reason}") from error


def route_prefix(directory: Path) -> str:
    """Returns the route prefix of host.json without leading and trailing slashes. The default is `api`."""
    path = directory / "host.json"
    part: Any = read_json_object(path) if path.is_file() else {}
    for key in ("extensions", "http"):
        part = part.get(key, {})
        if not isinstance(part, dict):
            raise StartError(f'host.json: "{key}" must be an object')
    prefix = part.get("routePrefix", "api")
    if not isinstance(prefix, str):
        raise StartError('host.json: "routePrefix" must be a string')
    return prefix.strip("/")


def load_functions(module: ModuleType, environ: Mapping[str, str]) -> list[HttpFunction | TimerFunction]:
    """Returns the functions of the module's `app`, in the order of their declaration.

    Raises StartError for a function that the worker would not load or that devhost cannot run.
    Call it once per app: `get_functions` of the library cannot be called twice.
    """
    app = getattr(module, "app", None)
    if not isinstance(app, func.FunctionRegister):
        raise StartError("function_app.py has no `app` that is an azure.functions.FunctionApp")
    if sum(isinstance(value, func.FunctionRegister) for value in vars(module).values()) > 1:
        raise StartError("function_app.py has more than one FunctionApp, or one under two names; keep exactly one")
    try:
        declared = app.get_functions()
    except (ValueError, TypeError) as error:
        raise StartError(f"the functions of function_app.py cannot be read: {error}") from error
    if not declared:
        raise StartError(
            "0 functions found in function_app.py: declare them on `app`, or register their blueprints with "
            "app.register_functions"
        )
    functions = [_function(each, environ) for each in declared]
    names: set[str] = set()
    for each in functions:
        if each.name.lower() in names:
            raise StartError(f"function {each.name}: another function has this name; case is ignored")
        names.add(each.name.lower())
    return functions


def _function(declared: func.Function, environ: Mapping[str, str]) -> HttpFunction | TimerFunction:
    name = str(declared.get_function_name())
    if not FUNCTION_NAME.fullmatch(name) or name.lower() == "host":
        raise StartError(f"function {name!r}: not a name that Azure Functions accepts")
    bindings = {str(binding["name"]): binding for binding in declared.get_bindings_dict()["bindings"]}
    kinds = sorted(str(binding["type"]) for binding in bindings.values())
    handler = declared.get_user_function()
    if kinds == ["http", "httpTrigger"] and bindings.get("$return", {}).get("type") == "http":
        return _http_function(name, handler, _trigger(bindings, "httpTrigger"))
    if kinds == ["timerTrigger"]:
        return _timer_function(name, handler, _trigger(bindings, "timerTrigger"), environ)
    raise StartError(
        f"function {name}: devhost runs HTTP triggers that return their response, and timer triggers; "
        f"this function has the bindings {', '.join(kinds)}"
    )


def _trigger(bindings: Mapping[str, dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(binding for binding in bindings.values() if binding["type"] == kind)


def _http_function(name: str, handler: Callable[..., Any], trigger: dict[str, Any]) -> HttpFunction:
    argument = str(trigger["name"])
    hints = _check_handler(name, handler, argument, func.HttpRequest)
    returned = hints.get("return", func.HttpResponse)
    if not isinstance(returned, type) or not issubclass(returned, func.HttpResponse | str):
        raise StartError(
            f"function {name}: its return annotation must be HttpResponse or str, not {returned!r}; "
            "the worker refuses every other type, including Optional"
        )
    methods = trigger.get("methods")
    return HttpFunction(
        name=name,
        handler=handler,
        argument=argument,
        is_async=inspect.iscoroutinefunction(handler),
        route=str(trigger.get("route") or name),
        methods=frozenset(str(method).upper() for method in methods) if methods else None,
    )


def _timer_function(
    name: str, handler: Callable[..., Any], trigger: dict[str, Any], environ: Mapping[str, str]
) -> TimerFunction:
    argument = str(trigger["name"])
    _check_handler(name, handler, argument, func.TimerRequest)
    try:
        schedule = Schedule(resolve(str(trigger["schedule"]), environ))
    except KeyError as error:
        raise StartError(
            f"function {name}: its schedule {trigger['schedule']} needs the setting {error.args[0]}, "
            "which is not set; add it to local.settings.json or to the environment"
        ) from error
    except ValueError as error:
        raise StartError(f"function {name}: {error}") from error
    return TimerFunction(
        name=name,
        handler=handler,
        argument=argument,
        is_async=inspect.iscoroutinefunction(handler),
        schedule=schedule,
        run_on_startup=str(trigger.get("runOnStartup", "")).lower() == "true",
    )


def _check_handler(name: str, handler: Callable[..., Any], argument: str, kind: type) -> dict[str, Any]:
    """Returns the handler's type hints.

    Raises StartError if there are other parameters than `argument`, or if it is annotated with another type than
    `kind`. As in the worker, a parameter with a default counts too, and a wrapper made with functools.wraps has
    the parameters of the wrapped function.
    """
    parameters = set(inspect.signature(handler).parameters)
    if parameters != {argument}:
        raise StartError(
            f"function {name}: its parameters must be exactly ({argument}), the names of its bindings, "
            f"not ({', '.join(sorted(parameters))})"
        )
    try:
        hints = typing.get_type_hints(handler)
    except (NameError, TypeError) as error:
        raise StartError(f"function {name}: its annotations cannot be resolved: {error}") from error
    hint = hints.get(argument, kind)
    if not isinstance(hint, type) or not issubclass(hint, kind):
        raise StartError(f"function {name}: the annotation of {argument} must be {kind.__name__}, not {hint!r}")
    return hints


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """Replaces each %NAME% with that setting. Raises KeyError, with the name, if a setting is unset or empty."""

    def setting(match: re.Match[str]) -> str:
        value = environ.get(match[1])
        if not value:
            raise KeyError(match[1])
        return value

    return SETTING.sub(setting, text)
