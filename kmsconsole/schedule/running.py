"""Runs a sweep: under a lease, with its figures kept, and never raising."""

import logging
from datetime import timedelta
from functools import partial

from django.db import Error as DatabaseFailure
from django.db.models import Q

from kmsconsole import clock, randomness
from kmsconsole.schedule import clock_guard
from kmsconsole.schedule.models import SweepRun
from kmsconsole.schedule.stint import Stint, Tally
from kmsconsole.schedule.sweeps import Sweep

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
# A run in the worker makes room for other work after that, heartbeats among it.
SECONDS = 10.0


def run(
    sweep: Sweep, *, seconds: float | None = None, holder: str = ""
) -> tuple[Tally, bool]:
    """Run a sweep now; return its figures, and whether time was up before the end.

    Whoever calls this by hand, without a lease, may run beside a worker: harmless, as
    each row is acted on once.
    """
    try:
        return _run(sweep, seconds, holder)
    except DatabaseFailure as error:
        log.exception("the sweep %s could not run", sweep.name)
        return Tally(due=1, failed=1, failure=type(error).__name__), False


def run_leased(sweep: Sweep) -> bool:
    """Run a sweep unless somebody else does; return whether there is more to do."""
    holder = randomness.uuid4().hex
    try:
        if not _take_lease(sweep.name, holder):
            return False
    except DatabaseFailure:
        log.exception("the sweep %s could not begin", sweep.name)
        return False
    _tally, more = run(sweep, seconds=SECONDS, holder=holder)
    return more


def owe_wiping(name: str) -> None:
    """Let the next run of a sweep wipe, though nothing may be due for it."""
    SweepRun.objects.bulk_create(
        [SweepRun(name=name, unfinished=True)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["unfinished"],
    )


def _run(sweep: Sweep, seconds: float | None, holder: str) -> tuple[Tally, bool]:
    clock_guard.observe()
    row, _ = SweepRun.objects.get_or_create(name=sweep.name)
    begun = clock.now()
    resume = row.resume if seconds is not None else ""
    keep = partial(_keep_lease, sweep.name, holder)
    stint = Stint(resume, seconds, keep, row.completed_at)
    unfinished = row.unfinished
    if resume or sweep.pending():
        unfinished = unfinished or _mark_unfinished(sweep)
        sweep.run(stint)
    more = {"unfinished": not _wiped(sweep)} if unfinished else {}
    _note(sweep, stint, begun_at=begun, **more)
    _free_lease(sweep.name, holder)
    # Where HSM or database are away the next minute is soon enough.
    return stint.tally, bool(stint.resume) and not stint.hopeless


def _wiped(sweep: Sweep) -> bool:
    try:
        return sweep.wipe()
    except DatabaseFailure:
        # What was done is done; the files are wiped with the next run.
        log.exception("what the sweep %s erased is still in the files", sweep.name)
        return False


def _mark_unfinished(sweep: Sweep) -> bool:
    """Note before the first row that files have to be wiped, whatever happens then."""
    if type(sweep).wipe is Sweep.wipe:
        return False
    SweepRun.objects.filter(name=sweep.name).update(unfinished=True)
    return True


def _note(sweep: Sweep, stint: Stint, **more: object) -> None:
    tally, moment = stint.tally, clock.now()
    more |= {"ended_at": moment, "resume": stint.resume, **tally.figures()}
    if tally.failed:
        more |= {"failure": tally.failure, "failed_at": moment}
    if not stint.resume and not stint.idle:
        more["completed_at"] = moment
    SweepRun.objects.filter(name=sweep.name).update(**more)
    if tally.due:
        log.info("sweep %s: %s", sweep.name, tally.figures())


def _take_lease(name: str, holder: str) -> bool:
    moment = clock.now()
    SweepRun.objects.get_or_create(name=name)
    # One that ends further ahead than a lease lasts was taken by another clock.
    free = (
        Q(lease_until__isnull=True)
        | Q(lease_until__lt=moment)
        | Q(lease_until__gt=moment + 2 * LEASE)
    )
    taken = SweepRun.objects.filter(free, name=name).update(
        lease_holder=holder, lease_until=moment + LEASE
    )
    return taken == 1


def _keep_lease(name: str, holder: str) -> None:
    if holder:
        mine = SweepRun.objects.filter(name=name, lease_holder=holder)
        mine.update(lease_until=clock.now() + LEASE)


def _free_lease(name: str, holder: str) -> None:
    if holder:
        mine = SweepRun.objects.filter(name=name, lease_holder=holder)
        mine.update(lease_holder="", lease_until=None)
