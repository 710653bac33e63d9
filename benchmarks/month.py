"""Calculates the costs of a month for 1,000 people: the last tables of docs/cost.md.

Prices are in US dollars for East US. They were not checked against a current price sheet. Other regions differ.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.request_units import to_write

PEOPLE = 1_000
WORKDAYS = 22
HOURS_A_DAY = 8
SESSIONS_PER_PERSON = 10
VISITORS_PER_SNAPSHOT = 5


@dataclass(frozen=True, slots=True)
class Habit:
    """How often one person does something in a month. `why` is the reason for the number.

    by_timer  whether a timer does it later, so that it is no request
    """

    operation: str
    times: int
    why: str
    by_timer: bool = False


HABITS = (
    Habit("poll", 720 * WORKDAYS, "a session is open and visible for 2 hours a day, polled every 10 s"),
    Habit("list 5", 5 * WORKDAYS, "the start page for 5 minutes a day, every 60 s"),
    Habit("list 1 visited", 5 * WORKDAYS, "the start page too"),
    Habit("list 30", 3 * WORKDAYS, "the session dialog for 1 minute a day, every 20 s"),
    Habit("open", 4 * WORKDAYS, "4 a day"),
    Habit("autosave", 60 * WORKDAYS, "an hour of drawing a day, saved every 30 s; the first one in each minute"),
    Habit("autosave within the same minute", 60 * WORKDAYS, "and the second one"),
    Habit("save", 5 * WORKDAYS, "5 a day on purpose"),
    Habit("sweep a session", 12 * WORKDAYS, "one was saved in 12 of the quarters of an hour of a day", True),
    Habit("sweep one content more", 113 * WORKDAYS, "the other saves and autosaves", True),
    Habit("remove a content", 60 * WORKDAYS + 2 * 20, "what autosaves replaced, and 2 purged sessions", True),
    Habit("remove a line of activity", 65 * WORKDAYS + 20, "as many as were written, 90 days later", True),
    Habit("create a session", SESSIONS_PER_PERSON, "every other day"),
    Habit("rename", 4, "once a week"),
    Habit("delete a session", 2, "every other week"),
    Habit("create a snapshot", 4, "once a week"),
    Habit("open a snapshot for the first time", 4 * VISITORS_PER_SNAPSHOT, "each is opened by 5 people"),
    Habit("open a snapshot again", 4 * VISITORS_PER_SNAPSHOT, "and by each of them twice"),
)
TOLD = ("autosave", "save", "create a session", "rename", "delete a session", "create a snapshot")
"""What has a line of activity."""
REMOVED = {"remove a content": ("content", 5), "remove a line of activity": ("line of activity", 8)}
"""The item that each removes, and its index terms. A delete costs as a create."""
TIMER, TIMER_RUNS = "the timer, with nothing to do", 4 * 24 * 30

PER_MILLION_UNITS = 0.25
PER_STORED_GB = 0.25
PER_BACKED_UP_GB = 0.20
PER_MILLION_EXECUTIONS, FREE_EXECUTIONS = 0.40, 250_000
PER_GB_SECOND, FREE_GB_SECONDS = 0.000026, 100_000
PER_LOGGED_GB, FREE_LOGGED_GB = 2.30, 5
INSTANCE_GB = 2
LINE_BYTES = 800
"""Our log line as it is exported. A test measures it."""
LOGGED_BYTES_PER_REQUEST = 2 * LINE_BYTES
"""The platform's record of a request counts as much as our line, which is an assumption: only a deployment can
measure it."""


def tables(units: Mapping[str, tuple[float, float]], items: Mapping[str, int]) -> Iterator[list[list[str]]]:
    """Yields the cells of three tables, heading first: the request units of 1,000 people, the bill, a flood."""
    units = with_removals(units, items)
    done = [(habit.operation, habit.times * PEOPLE, habit.why) for habit in HABITS]
    done.append((TIMER, TIMER_RUNS, "every 15 minutes"))
    yield [
        ["in a month, 1,000 people", "times", "million RU, Strong / Session", "because"],
        *([operation, f"{times:,}", _millions(times, units[operation]), why] for operation, times, why in done),
        ["**together**", "", "**{:,.0f} / {:,.0f}**".format(*_million_units(units)), ""],
    ]
    yield [["the bill", "how much", "US dollars"], *bill(units, items)]
    yield flood()


FLOOD_INSTANCES = 40
FLOOD_REQUESTS_PER_SECOND = 500
"""Of one instance. An assumption: only a deployment can measure it."""
DAILY_CAP_GB = 2


def flood() -> list[list[str]]:
    """Returns the price of an hour in which strangers keep every instance busy, with the default parameters."""
    requests = FLOOD_INSTANCES * FLOOD_REQUESTS_PER_SECOND * 3_600
    lines = [
        ("40 instances of 2 GB", FLOOD_INSTANCES * INSTANCE_GB * 3_600 * PER_GB_SECOND),
        ("executions, 500 a second on each", requests / 1e6 * PER_MILLION_EXECUTIONS),
        ("logs, at most the daily cap", DAILY_CAP_GB * PER_LOGGED_GB),
    ]
    return [["an hour of a flood", "US dollars"], *([what, f"{price:,.1f}"] for what, price in lines)]


def bill(units: Mapping[str, tuple[float, float]], items: Mapping[str, int]) -> list[list[str]]:
    """Returns the lines of the second table."""
    strong, session = _million_units(with_removals(units, items))
    requests = PEOPLE * requests_of_one()
    seconds = WORKDAYS * HOURS_A_DAY * 3_600
    stored = PEOPLE * stored_bytes(items) / 1e9
    logged = requests * LOGGED_BYTES_PER_REQUEST / 1e9
    lines = [
        ("Cosmos DB, request units, Strong", f"{strong:,.0f} million", strong * PER_MILLION_UNITS),
        ("Cosmos DB, storage added in the month", f"{stored:,.1f} GB", stored * PER_STORED_GB),
        ("Cosmos DB, its backup of 30 days", f"{stored:,.1f} GB", stored * PER_BACKED_UP_GB),
        (
            "Functions, executions",
            f"{requests / 1e6:,.1f} million",
            max(0, requests - FREE_EXECUTIONS) / 1e6 * PER_MILLION_EXECUTIONS,
        ),
        (
            "Functions, one instance of 2 GB, busy all day",
            f"{seconds * INSTANCE_GB / 1e6:,.2f} million GB-s",
            max(0, seconds * INSTANCE_GB - FREE_GB_SECONDS) * PER_GB_SECOND,
        ),
        ("Logs", f"{logged:,.0f} GB", max(0.0, logged - FREE_LOGGED_GB) * PER_LOGGED_GB),
    ]
    total = sum(price for _, _, price in lines)
    saved = (strong - session) * PER_MILLION_UNITS
    return [
        *([what, amount, f"{price:,.0f}"] for what, amount, price in lines),
        ["**together**", "", f"**{total:,.0f}**"],
        ["with Session in place of Strong", "", f"{total - saved:,.0f}"],
    ]


def with_removals(
    units: Mapping[str, tuple[float, float]], items: Mapping[str, int]
) -> dict[str, tuple[float, float]]:
    """Returns the request units with those of what timers remove, by the sizes of the items."""
    removed = {name: to_write(items[item]) + 0.2 * terms for name, (item, terms) in REMOVED.items()}
    return {**units, **{name: (each, each) for name, each in removed.items()}}


def requests_of_one() -> int:
    """Returns the number of requests of one person in a month."""
    return sum(habit.times for habit in HABITS if not habit.by_timer)


def stored_bytes(items: Mapping[str, int]) -> int:
    """Returns the size of one person's new sessions, snapshots and activity. Each session has a full history."""
    session = items["head, full history"] + 20 * items["content"]
    lines = sum(habit.times for habit in HABITS if habit.operation in TOLD)
    return SESSIONS_PER_PERSON * session + 4 * items["snapshot"] + lines * items["line of activity"]


def _million_units(units: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    strong, session = (
        sum(PEOPLE * habit.times * units[habit.operation][at] for habit in HABITS) + TIMER_RUNS * units[TIMER][at]
        for at in (0, 1)
    )
    return strong / 1e6, session / 1e6


def _millions(times: int, units: tuple[float, float]) -> str:
    return " / ".join(f"{times * each / 1e6:,.1f}" for each in units)
