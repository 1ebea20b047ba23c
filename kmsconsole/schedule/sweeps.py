"""What a sweep is: it finds due rows by an index and acts on each one by itself.

The apps list theirs in modules that `settings.KMS_SWEEPS` names; periods stand there,
in code. A row is acted on by an operation of the service's own, in a transaction of its
own that reads the row again under its lock: doing it twice, or by two at once, does it
once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.module_loading import import_string

from kmsconsole import clock, randomness
from kmsconsole.operations import Operation
from kmsconsole.principals import SERVICE_UIN, Call, Kind, Principal
from kmsconsole.schedule import clock_guard
from kmsconsole.schedule.stint import Stint

EVERY_MINUTE = timedelta(minutes=1)


def service_call(account_uin: int, region: str) -> Call:
    """Return a call of the service itself, on one account."""
    principal = Principal(Kind.SYSTEM, account_uin, SERVICE_UIN, "service", "sweep")
    return Call(principal, region, str(randomness.uuid4()), "local")


@dataclass(frozen=True, slots=True)
class Due:
    """One row that is due, or will be `at` a moment; `place` is where it stands.

    `id` is the row's own, `key_id` the key it is about, empty where it is about none.
    """

    kind: str
    id: str
    at: datetime
    account_uin: int
    region: str
    key_id: str
    place: str


class Sweep(ABC):
    """One kind of work that is looked for again and again.

    A `guarded` one is held while the clock is in doubt.
    """

    guarded: ClassVar[bool] = False

    def __init__(self, name: str, period: timedelta) -> None:
        self.name = name
        self.period = period

    @abstractmethod
    def run(self, stint: Stint) -> None:
        """Do what is due, counted in `stint.tally`, as long as the stint goes on."""

    def pending(self) -> bool:
        """Say whether there may be something to do, by one look at an index."""
        return True

    def wipe(self) -> bool:
        """Erase what acting left in the database's files; False: not all of it yet."""
        return True

    def coming(self, until: datetime) -> Iterable[Due]:
        """Return what is or falls due up to a moment, oldest first."""
        return ()


class Chore(Sweep):
    """Work that is no list of due rows, such as adding up."""

    def __init__(
        self, name: str, period: timedelta, work: Callable[[Stint], None]
    ) -> None:
        super().__init__(name, period)
        self._work = work

    def run(self, stint: Stint) -> None:
        """Do all of it."""
        self._work(stint)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Rows of one table, and the column that says when each falls due.

    `rows` leaves out what can't fall due in its present state; `column` is indexed for
    just these rows. `account`, `region` and `key` are the columns with these, an empty
    one for none. `data` makes the operation's input of a row's ID.
    """

    kind: str
    operation: type[Operation]
    rows: Callable[[], QuerySet[Any]]
    column: str
    data: Callable[[Due], dict[str, Any]] = lambda due: {"KeyId": due.key_id}
    account: str = "account_uin"
    region: str = "region"
    key: str = "pk"

    def due(self, moment: datetime) -> QuerySet[Any]:
        """Return what is due at a moment."""
        return self.rows().filter(**{f"{self.column}__lte": moment})

    def page(self, moment: datetime, after: str, limit: int) -> list[Due]:
        """Return the oldest that are due and stand behind `after`."""
        found = self.due(moment)
        if after:
            at, _, pk = after.partition(" ")
            # Two conditions, so that the first one is answered by the index.
            found = found.filter(**{f"{self.column}__gte": at}).exclude(
                **{self.column: at, "pk__lte": pk}
            )
        columns = [name for name in (self.account, self.region, self.key) if name]
        rows = found.order_by(self.column, "pk").values("pk", self.column, *columns)
        return [self._due(row) for row in rows[:limit]]

    def _due(self, row: dict[str, Any]) -> Due:
        at = row[self.column]
        return Due(
            kind=self.kind,
            id=str(row["pk"]),
            at=at,
            account_uin=row[self.account],
            region=row[self.region] if self.region else settings.KMS_REGIONS[0],
            key_id=str(row[self.key]) if self.key else "",
            place=f"{at.isoformat()} {row['pk']}",
        )


class RowSweep(Sweep):
    """Acts on every row that a calendar says is due, oldest first."""

    PAGE: ClassVar[int] = 200

    def __init__(
        self, name: str, *calendars: Calendar, period: timedelta = EVERY_MINUTE
    ) -> None:
        super().__init__(name, period)
        self.calendars: Sequence[Calendar] = calendars

    def pending(self) -> bool:
        """Look at the oldest row of each calendar."""
        moment = clock.now()
        return any(calendar.page(moment, "", 1) for calendar in self.calendars)

    def count(self, first: int = 0, after: str = "") -> int:
        """Return how many rows are due, from a calendar and behind a place in it."""
        moment = clock.now()
        total = 0
        for number, calendar in enumerate(self.calendars[first:]):
            rows = calendar.due(moment)
            if after and not number:
                at, _, pk = after.partition(" ")
                later = Q(**{f"{calendar.column}__gt": at})
                rows = rows.filter(later | Q(**{calendar.column: at, "pk__gt": pk}))
            total += rows.count()
        return total

    def run(self, stint: Stint) -> None:
        """Act on row after row; one that fails leaves the others alone."""
        if self.guarded and not clock_guard.observe():
            stint.resume = ""
            stint.hold(self.count())
            return
        number, _, after = stint.resume.partition(" ")
        first = int(number or 0)
        for at in range(first, len(self.calendars)):
            if not self._walk(stint, at, after):
                return
            after = ""
        stint.resume = ""

    def _walk(self, stint: Stint, number: int, after: str) -> bool:
        """Go through one calendar; False where the stint ends before its end."""
        calendar = self.calendars[number]
        while page := calendar.page(clock.now(), after, self.PAGE):
            for due in page:
                if not stint.goes_on():
                    stint.resume = f"{number} {after}"
                    return False
                if self.guarded and not clock_guard.steady():
                    stint.resume = ""
                    stint.hold(self.count(number, after))
                    return False
                if stint.hopeless:
                    # The next run begins behind those that failed.
                    stint.resume = f"{number} {after}"
                    stint.give_up(self.count(number, after))
                    return False
                self._act(stint, calendar, due)
                after = due.place
        return True

    def _act(self, stint: Stint, calendar: Calendar, due: Due) -> None:
        call = service_call(due.account_uin, due.region)
        with stint.counting(calendar.operation.__name__, due.key_id or due.id) as one:
            one.still_due = lambda: self._still(calendar, due)
            calendar.operation.execute(call, calendar.data(due))

    def _still(self, calendar: Calendar, due: Due) -> bool:
        return calendar.due(clock.now()).filter(pk=due.id).exists()

    def coming(self, until: datetime) -> Iterable[Due]:
        """Return what is or falls due up to a moment, calendar after calendar."""
        for calendar in self.calendars:
            after = ""
            while page := calendar.page(until, after, self.PAGE):
                yield from page
                after = page[-1].place


@cache
def sweeps() -> dict[str, Sweep]:
    """Return every sweep by name, from the lists that settings name."""
    found: dict[str, Sweep] = {}
    for path in settings.KMS_SWEEPS:
        for sweep in import_string(path):
            if sweep.name in found:
                message = f"Two sweeps are called {sweep.name}."
                raise ValueError(message)
            found[sweep.name] = sweep
    return found
