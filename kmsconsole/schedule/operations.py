"""What the operator asks and says about the schedule."""

from typing import Any

from kmsconsole import clock
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.schedule import clock_guard
from kmsconsole.schedule.models import ClockState


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


OPERATIONS: tuple[type[Operation], ...] = (DescribeClock, ConfirmClock)
