"""Exceptions as text for the log, without what a driver or a validator repeats from a stored row."""

import logging
import secrets
import traceback

from persistence.errors import CorruptItem, PersistenceError

_log = logging.getLogger(__name__)
_CODES = ("sqlite_errorname", "status_code", "sub_status")


def named(exc: BaseException) -> str:
    """Returns the class of an exception, and the codes that a driver sets.

    Adds the message only if it cannot repeat a row: if it is ours, or the operating system's.
    """
    if isinstance(exc, PersistenceError | OSError):
        return repr(exc)
    codes = (getattr(exc, name, None) for name in _CODES)
    return " ".join([type(exc).__name__, *(str(code) for code in codes if code is not None)])


def traced(exc: BaseException) -> str:
    """Returns an exception and its causes as `named`, each with the lines of code that it went through."""
    parts = list[str]()
    following: BaseException | None = exc
    while following is not None:
        parts.append("".join(traceback.format_tb(following.__traceback__)) + named(following))
        if isinstance(following, BaseExceptionGroup):
            parts += [named(one) for one in following.exceptions]
        hides = following.__suppress_context__
        following = following.__cause__ if hides else following.__cause__ or following.__context__
    return "\nThe exception above led to this one:\n".join(reversed(parts))


def is_damage(exc: Exception) -> bool:
    """Returns True for what work with a damaged item raises: CorruptItem, or an error that is none of ours."""
    return isinstance(exc, CorruptItem) or not isinstance(exc, PersistenceError)


def log_fault(what: str, exc: Exception) -> None:
    """Logs what was skipped or failed because of an exception, with a reference."""
    reference = exc.reference if isinstance(exc, CorruptItem) else secrets.token_hex(6)
    text = named(exc) if isinstance(exc, PersistenceError) else traced(exc)
    _log.error("%s (reference %s): %s", what, reference, text)
