"""The kind of activity: its export, its erasure, and the timer step."""

from persistence.activity.chores import ActivityChores
from persistence.activity.store import ActivityStore
from persistence.kind import Erase, Export, Kind, Step
from persistence.rules_in_force import Rule
from persistence.timers.scan import TimerRules


def activity_kind(activity: ActivityStore, retention: Rule, rules: TimerRules) -> Kind:
    """Lines are neither counted nor limited. Their erasure comes after that of the things that they tell of."""
    chores = ActivityChores(activity, retention, rules)
    return Kind(
        export=Export("activity", activity.lines, chores.export),
        erase=Erase(chores.erase, {"activity": "Lines of your activity that this call removed."}),
        timer_steps={"purge_stale_drafts": [Step(("activity_forgotten",), chores.forget_old)]},
    )
