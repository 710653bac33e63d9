"""NCRONTAB, the schedule language of timer triggers: six fields, seconds first, in UTC."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

SETTING = re.compile(r"%([^%]+)%")
# cronsim also knows L, W and #, takes five fields and numbers Sunday 7 as well; NCRONTAB has none of these.
VALUE = r"(?:\d+|[A-Za-z]{3})"
FIELD = re.compile(rf"(?:\*|{VALUE}(?:-{VALUE})?)(?:/\d+)?(?:,(?:\*|{VALUE}(?:-{VALUE})?)(?:/\d+)?)*")
SEVENTH_DAY = re.compile(r"(?<![\d/])7(?!\d)")


class Schedule:
    """When a timer fires. ValueError for a text that is not NCRONTAB or names no moment at all."""

    def __init__(self, text: str) -> None:
        self.text = text
        fields = text.split()
        if len(fields) != 6:
            raise ValueError(f"schedule {text!r} must have six fields, seconds first")
        if not all(FIELD.fullmatch(field) for field in fields) or SEVENTH_DAY.search(fields[5]):
            raise ValueError(f"schedule {text!r} is not NCRONTAB")
        self.after(datetime.now(UTC))

    def after(self, moment: datetime) -> datetime:
        """The first moment later than the given one, in whole seconds."""
        try:
            occurrences = CronSim(self.text, moment)
            # Both the day of the month and the day of the week must match; cronsim would take either.
            occurrences.day_and = True
            return next(occurrences)
        except CronSimError as error:
            raise ValueError(f"schedule {self.text!r} is not NCRONTAB: {error}") from error
        except StopIteration:
            raise ValueError(f"schedule {self.text!r} never fires") from None


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """The text with each %NAME% replaced by that setting; KeyError with the name of one that is not set."""

    def setting(match: re.Match[str]) -> str:
        value = environ.get(match[1])
        if not value:
            raise KeyError(match[1])
        return value

    return SETTING.sub(setting, text)
