"""Which sweeps haven't run for longer than they should."""

from datetime import timedelta

from kmsconsole import clock
from kmsconsole.schedule.models import SweepRun
from kmsconsole.schedule.sweeps import sweeps

# So many periods may be missed, and never less than that time.
_PERIODS, _LEAST = 3, timedelta(minutes=3)


def late() -> list[str]:
    """Return the names of sweeps that ran once and are overdue; one query."""
    moment = clock.now()
    ended = dict(SweepRun.objects.values_list("name", "ended_at"))
    found = []
    for name, sweep in sweeps().items():
        last = ended.get(name)
        limit = max(_PERIODS * sweep.period, _LEAST)
        if last is not None and moment - last > limit:
            found.append(name)
    return found
