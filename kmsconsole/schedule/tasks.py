"""The one task: a nudge to look at what is due, by a sweep's name and nothing else.

The database says what is due, so a lost message only makes the work late and a doubled
one does nothing.
"""

from celery import shared_task

from kmsconsole.schedule.running import run_leased
from kmsconsole.schedule.sweeps import sweeps


@shared_task(name="schedule.sweep")
def sweep(name: str) -> None:
    """Run a sweep for a while; where more is left, other work comes first."""
    found = sweeps().get(name)
    if found is not None and run_leased(found):
        sweep.apply_async(args=(name,), expires=found.period.total_seconds())
