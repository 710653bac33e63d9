"""NCRONTAB, the schedule format of timer triggers: six fields, seconds first, in UTC."""

import re
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

# cronsim also accepts L, W, #, five fields, and 7 for Sunday. NCRONTAB does not.
VALUE = r"(?:\d+|[A-Za-z]{3})"
FIELD = re.compile(rf"(?:\*|{VALUE}(?:-{VALUE})?)(?:/\d+)?(?:,(?:\*|{VALUE}(?:-{VALUE})?)(?:/\d+)?)*")
SEVENTH_DAY = re.compile(r"(?<![\d/])7(?!\d)")


class Schedule:
    """When a timer fires. Raises ValueError if the text is not NCRONTAB or never fires."""

    def __init__(self, text: str) -> None:
        self.text = text
        fields = text.split()
        if len(fields) != 6:
            raise ValueError(f"schedule {text!r} must have six fields, seconds first")
        if not all(FIELD.fullmatch(field) for field in fields) or SEVENTH_DAY.search(fields[5]):
            raise ValueError(f"schedule {text!r} is not NCRONTAB")
        self.after(datetime.now(UTC))

    def after(self, moment: datetime) -> datetime:
        """Returns the first whole second after `moment` at which the schedule fires."""
        try:
            occurrences = CronSim(self.text, moment)
            # NCRONTAB requires both the day of the month and the day of the week. cronsim accepts either.
            occurrences.day_and = True
            return next(occurrences)
        except CronSimError as error:
            raise ValueError(f"schedule {self.text!r} is not NCRONTAB: {error}") from error
        except StopIteration:
            raise ValueError(f"schedule {self.text!r} never fires") from None
