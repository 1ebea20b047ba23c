"""What the operator asks and says about the schedule."""

from datetime import timedelta
from itertools import islice
from typing import Annotated, Any

from pydantic import Field

from kmsconsole import clock
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.schedule import clock_guard
from kmsconsole.schedule.models import ClockState
from kmsconsole.schedule.sweeps import Due, sweeps

MOST_DAYS = 400
MOST_DUE = 10_000


class DescribeClock(Operation):
    """Whether the clock is believed, and why not."""

    effect = Effect.READ
    scope = Scope.OPERATOR
    api = False

    def perform(self, data: Any) -> dict[str, Any]:
        """Return the doubt, if any, since when and until when."""
        return _described(ClockState.objects.filter(pk=1).first())


class ConfirmClock(Operation):
    """Say that the clock is right: what waited for that goes on."""

    effect = Effect.CHANGE
    scope = Scope.OPERATOR
    api = False

    def perform(self, data: Any) -> dict[str, Any]:
        """Return what the doubt was."""
        before = _described(clock_guard.confirm())
        self.details |= before
        return before


def _described(state: ClockState | None) -> dict[str, Any]:
    moment = clock.now()
    output: dict[str, Any] = {
        "Now": moment.isoformat(),
        "Doubtful": state is not None and state.doubtful(moment),
    }
    if state is None or not state.doubt:
        return output
    since, until = state.doubt_since, state.doubt_until
    return output | {
        "Doubt": state.doubt,
        "Seconds": state.seconds,
        "Since": since.isoformat() if since else None,
        "Until": until.isoformat() if until else None,
    }


class ListDueInput(OperationInput):
    """How many days ahead to look; 0 for what is due now."""

    days: Annotated[WholeNumber, Field(ge=0, le=MOST_DAYS)] = 30


class ListDue(Operation):
    """What is due in all accounts, and what falls due in the next days."""

    effect = Effect.READ
    scope = Scope.OPERATOR
    api = False
    audited_fields = ("days",)
    Input = ListDueInput

    def perform(self, data: ListDueInput) -> dict[str, Any]:
        """Return it oldest first, so many at most of each sweep."""
        until = clock.now() + timedelta(days=data.days)
        found = []
        more = False
        for sweep in sweeps().values():
            rows = list(islice(sweep.coming(until), MOST_DUE + 1))
            more |= len(rows) > MOST_DUE
            found += rows[:MOST_DUE]
        found.sort(key=lambda due: due.at)
        return {"Due": [_due(row) for row in found], "More": more}


def _due(row: Due) -> dict[str, Any]:
    return {
        "Kind": row.kind,
        "At": row.at.isoformat(),
        "Account": row.account_uin,
        "Region": row.region,
        "KeyId": row.key_id,
    }


OPERATIONS: tuple[type[Operation], ...] = (DescribeClock, ConfirmClock, ListDue)
