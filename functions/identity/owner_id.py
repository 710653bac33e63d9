"""Owner ids. They are partition keys, so the way to make one can never change."""

import re
from collections.abc import Collection

from functions.identity.errors import Unauthenticated

# Printable ASCII without a blank at either end: every engine and every log can keep it unchanged.
_OWNER = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")


def owner_id(subject: str, provider: str = "", trusted: Collection[str] = ("",)) -> str:
    """Returns the subject itself if one provider is trusted, else `<provider>:<subject>`.

    Raises Unauthenticated if the provider is not trusted, or the subject cannot be used.
    """
    if provider not in trusted:
        raise Unauthenticated("This identity provider is not trusted here.")
    owner = subject if len(trusted) == 1 else f"{provider}:{subject}"
    if not (_OWNER.fullmatch(subject) and _OWNER.fullmatch(owner)):
        raise Unauthenticated("The user id must be 1 to 255 printable ASCII characters.")
    return owner
