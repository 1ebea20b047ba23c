"""One run of a sweep: what it counts, and how long it may go on."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import Error as DatabaseFailure

from kmsconsole.errors import KMSError, ServiceTemporaryUnavailable
from kmsconsole.schedule.errors import Held

log = logging.getLogger(__name__)

# So many failures in a row for want of HSM or database, and the rest would fail, too.
_HOPELESS_AFTER = 3


@dataclass(slots=True)
class Tally:
    """How many rows were due, and what became of them; `failure` is the last one's."""

    due: int = 0
    done: int = 0
    held: int = 0
    failed: int = 0
    failure: str = ""

    def figures(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {
            "due": self.due,
            "done": self.done,
            "held": self.held,
            "failed": self.failed,
        }


@dataclass(slots=True)
class One:
    """One row that is acted on; `still_due` is asked where that was refused."""

    still_due: Callable[[], bool]


class Stint:
    """One run. `resume` is where the last one stopped, then where this one did.

    `seconds` is how long it may take; None: as long as there is something to do.
    `keep` is called every few seconds, to say that the run is alive. `completed_at` is
    when the last one reached its end; an `idle` one doesn't count as a run.
    """

    KEPT_SECONDS = 15.0

    def __init__(
        self,
        resume: str = "",
        seconds: float | None = None,
        keep: Callable[[], None] = lambda: None,
        completed_at: datetime | None = None,
    ) -> None:
        self.tally = Tally()
        self.resume = resume
        self._keep = keep
        self._begun = self._kept = time.monotonic()
        self._seconds = seconds
        self._unavailable = 0
        self.completed_at = completed_at
        self.idle = False

    @property
    def endless(self) -> bool:
        """Whether it may take as long as it likes."""
        return self._seconds is None

    def goes_on(self) -> bool:
        """Say whether there is time for another row."""
        moment = time.monotonic()
        if moment - self._kept >= self.KEPT_SECONDS:
            self._kept = moment
            self._keep()
        return self._seconds is None or moment - self._begun < self._seconds

    @property
    def hopeless(self) -> bool:
        """Whether HSM or database are away, so that trying further rows is no use."""
        return self._unavailable >= _HOPELESS_AFTER

    def give_up(self, rest: int) -> None:
        """Count what was not even tried as failed."""
        self.tally.due += rest
        self.tally.failed += rest

    def hold(self, rest: int) -> None:
        """Count what waits."""
        self.tally.due += rest
        self.tally.held += rest

    @contextmanager
    def counting(self, what: str, subject: str) -> Iterator[One]:
        """Count one row by what happens inside; its failure goes no further."""
        one = One(lambda: True)
        try:
            yield one
        except KMSError as error:
            self._refused(one, what, subject, error)
        except DatabaseFailure as error:
            self._unavailable += 1
            self.fail(what, subject, type(error).__name__)
        else:
            self._unavailable = 0
            self.tally.due += 1
            self.tally.done += 1

    def _refused(self, one: One, what: str, subject: str, error: KMSError) -> None:
        if isinstance(error, Held):
            self.hold(1)
            return
        if isinstance(error, ServiceTemporaryUnavailable):
            self._unavailable += 1
        else:
            self._unavailable = 0
            # Somebody else did it, or it was called off, since it was found.
            if error.http_status < 500 and not one.still_due():  # noqa: PLR2004 - HTTP
                return
        self.fail(what, subject, error.code)

    def fail(self, what: str, subject: str, why: str) -> None:
        """Count one row as failed and keep the words."""
        self.tally.due += 1
        self.tally.failed += 1
        self.tally.failure = f"{what} {subject}: {why}"[:255]
        log.error("%s of %s failed: %s", what, subject, why)
