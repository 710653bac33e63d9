"""Under which id a caller's things are kept. It cannot be changed later: it is the partition key."""

import re
from collections.abc import Collection

from functions.http.problems import Unauthenticated

# Printable ASCII without a blank at either end: what every engine and every log can hold unharmed.
_OWNER = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")


def owner_id(subject: str, provider: str = "", trusted: Collection[str] = ("",)) -> str:
    """The owner that a subject stands for: exactly itself where one provider is trusted, else
    `<provider>:<subject>`. Raises Unauthenticated for another provider and for an unusable subject."""
    if provider not in trusted:
        raise Unauthenticated("Whoever says who you are is not trusted here.")
    owner = subject if len(trusted) == 1 else f"{provider}:{subject}"
    if not (_OWNER.fullmatch(subject) and _OWNER.fullmatch(owner)):
        raise Unauthenticated("The user id has to be 1 to 255 printable ASCII characters.")
    return owner
