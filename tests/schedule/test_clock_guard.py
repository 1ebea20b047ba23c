"""A wrong clock destroys nothing, and a right one is believed again."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from keys.errors import CmkStateNotSupport
from keys.models import CustomerMasterKey
from keys.operations import DestroyKey, EnableKeyRotation
from keys.tasks import record_heartbeat
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.principals import Kind, Principal
from kmsconsole.schedule import clock_guard, database_time
from kmsconsole.schedule.errors import ClockDoubtful
from kmsconsole.schedule.models import ClockState, Doubt
from tests.personas import ACCOUNT, create_key, execute
from tests.schedule.conftest import NOW
from tests.schedule.test_sweeps import NOTHING, all_done, pending, sweep

pytestmark = pytest.mark.django_db

SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "service", "sweep")


class Clocks:
    """The wall clock and the time since the start, which tests move apart."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = NOW
        self.elapsed = 1_000.0
        self._set = monkeypatch
        for module in (clock, database_time):
            monkeypatch.setattr(module, "now", lambda: self.wall)
        monkeypatch.setattr(clock, "elapsed", lambda: self.elapsed)

    def passes(self, **span: float) -> None:
        """Let time pass, as it does."""
        self.wall += timedelta(**span)
        self.elapsed += timedelta(**span).total_seconds()

    def steps(self, **span: float) -> None:
        """Set the wall clock."""
        self.wall += timedelta(**span)

    @contextmanager
    def other_process(self, **ahead: float) -> Iterator[None]:
        """Be another process for a moment, whose clock is so far ahead."""
        mine, wall = clock_guard._last, self.wall
        clock_guard._last = None
        self.wall += timedelta(**ahead)
        yield
        clock_guard._last, self.wall = mine, wall

    def restart(self) -> None:
        """Be a new process from now on."""
        clock_guard._last = None


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def doubt() -> str:
    return ClockState.objects.get(pk=1).doubt


def believed() -> bool:
    return clock_guard.observe()


def confirm(what: str = "confirm") -> dict[str, Any]:
    out = StringIO()
    call_command("clock", what, "--json", stdout=out)
    said: dict[str, Any] = json.loads(out.getvalue())
    return said


def held(number: int) -> dict[str, int]:
    return NOTHING | {"due": number, "held": number}


def test_time_that_passes_is_no_step(clocks: Clocks) -> None:
    assert believed()
    for span in ({"seconds": 30}, {"minutes": 59}, {"days": 8}, {"days": 400}):
        clocks.passes(**span)
        assert believed()


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ({"minutes": 59}, Doubt.NONE),
        ({"minutes": 61}, Doubt.AHEAD),
        ({"days": 30}, Doubt.AHEAD),
        ({"minutes": -4}, Doubt.NONE),
        ({"minutes": -6}, Doubt.BACK),
        ({"days": -9}, Doubt.BACK),
    ],
)
def test_a_step_while_the_service_runs_waits_for_the_operator(clocks, step, why):
    assert believed()
    clocks.passes(seconds=30)
    clocks.steps(**step)
    assert believed() is (why == Doubt.NONE)
    assert doubt() == why
    clocks.passes(days=1)
    assert believed() is (why == Doubt.NONE)
    state = ClockState.objects.get(pk=1)
    assert state.seconds == (timedelta(**step).total_seconds() if why else 0)


def test_what_destroys_is_held_and_nothing_else(clocks: Clocks) -> None:
    key_id, other = pending("orders"), create_key("other")
    execute(EnableKeyRotation, KeyId=other, RotateDays=7)
    sweep("destruction")
    clocks.passes(minutes=1)
    clocks.steps(days=8)
    assert sweep("destruction") == held(1)
    assert sweep("rotation") == all_done(1)
    with pytest.raises(ClockDoubtful):
        execute(DestroyKey, SYSTEM, KeyId=key_id)
    assert CustomerMasterKey.objects.get(id=key_id).state == "PendingDelete"
    # Setting it right doesn't tell that it is right.
    clocks.steps(days=-8)
    assert sweep("destruction") == NOTHING
    clocks.passes(days=7)
    assert sweep("destruction") == held(1)
    confirm()
    assert sweep("destruction") == all_done(1)


def test_a_step_in_the_middle_of_a_run_ends_it(clocks, monkeypatch) -> None:
    for name in "abcd":
        pending(name)
    sweep("destruction")
    clocks.passes(days=7)
    perform, seen = DestroyKey.perform, []

    def stepping(self: DestroyKey, data: Any) -> dict[str, Any]:
        seen.append(self.key.id)
        if len(seen) == 2:
            clocks.steps(hours=2)
        return perform(self, data)

    monkeypatch.setattr(DestroyKey, "perform", stepping)
    assert sweep("destruction") == {"due": 4, "done": 2, "held": 2, "failed": 0}
    assert doubt() == Doubt.AHEAD


def test_after_a_stop_it_waits_for_a_steady_hour(clocks: Clocks) -> None:
    key_id = pending("orders")
    record_heartbeat("worker")
    clocks.restart()
    clocks.passes(days=8)
    assert sweep("destruction") == held(1)
    assert doubt() == Doubt.STOPPED
    for _ in range(59):
        clocks.passes(minutes=1)
        assert sweep("destruction") == held(1)
    with pytest.raises(ClockDoubtful):
        execute(DestroyKey, SYSTEM, KeyId=key_id)
    clocks.passes(minutes=1)
    assert sweep("destruction") == all_done(1)
    assert doubt() == Doubt.NONE


def test_the_steady_time_is_a_setting(clocks: Clocks, settings: Any) -> None:
    settings.KMS_CLOCK_STEADY_SECONDS = 5
    pending("orders")
    record_heartbeat("worker")
    clocks.restart()
    clocks.passes(days=8)
    assert sweep("destruction") == held(1)
    clocks.passes(seconds=5)
    assert sweep("destruction") == all_done(1)


def test_a_step_during_the_steady_time_waits_for_the_operator(clocks: Clocks) -> None:
    record_heartbeat("worker")
    clocks.restart()
    clocks.passes(days=8)
    assert not believed()
    clocks.passes(minutes=30)
    clocks.steps(days=3)
    assert not believed()
    assert doubt() == Doubt.AHEAD
    clocks.passes(days=2)
    assert not believed()


@pytest.mark.parametrize(("days", "why"), [(29, Doubt.STOPPED), (31, "long-stopped")])
def test_a_stop_of_more_than_30_days_waits_for_the_operator(clocks, days, why) -> None:
    record_heartbeat("worker")
    clocks.restart()
    clocks.passes(days=days)
    assert not believed()
    assert doubt() == why
    clocks.passes(hours=2)
    assert believed() is (why == Doubt.STOPPED)


def test_a_short_stop_is_none(clocks: Clocks) -> None:
    record_heartbeat("worker")
    clocks.restart()
    clocks.passes(minutes=59)
    assert believed()


def test_a_sweep_days_ahead_beside_a_live_service_is_held(clocks: Clocks) -> None:
    pending("orders")
    record_heartbeat("worker")
    with clocks.other_process(days=8):
        assert sweep("destruction") == held(1)
    clocks.passes(seconds=30)
    record_heartbeat("worker")
    assert doubt() == Doubt.DIFFERS
    clocks.passes(hours=3)
    with clocks.other_process(days=8):
        assert sweep("destruction") == held(1)
        confirm()
        assert sweep("destruction") == all_done(1)
    # The live one lags behind what was confirmed: its own affair.
    clocks.passes(seconds=30)
    record_heartbeat("worker")
    assert doubt() == Doubt.NONE
    assert not believed()


def test_one_process_in_the_future_does_not_wait_out_the_hour(clocks, settings) -> None:
    settings.KMS_CLOCK_STEADY_SECONDS = 60
    pending("orders")
    record_heartbeat("worker")
    for _ in range(5):
        with clocks.other_process(days=8):
            assert sweep("destruction") == held(1)
        clocks.passes(seconds=30)
        record_heartbeat("worker")


def test_all_processes_believe_a_confirmed_clock(clocks: Clocks) -> None:
    record_heartbeat("worker")
    clocks.passes(seconds=30)
    clocks.steps(days=2)
    with clocks.other_process():
        # Another one that has seen the right time, too, then sees the step.
        clock_guard._last = clock_guard._Glimpse(NOW, 1_000.0, 0)
        assert not believed()
    confirm()
    # This one hasn't looked since, and must not doubt what was confirmed.
    assert believed()
    clocks.passes(seconds=30)
    assert believed()


def test_confirming_is_the_operators_and_leaves_an_event(clocks: Clocks) -> None:
    assert confirm("status") == {"Now": NOW.isoformat(), "Doubtful": False}
    assert believed()
    clocks.steps(hours=3)
    believed()
    said = confirm("status")
    assert (said["Doubtful"], said["Doubt"], said["Seconds"]) == (True, "ahead", 10_800)
    assert confirm()["Doubt"] == "ahead"
    assert not confirm("status")["Doubtful"]
    event = AuditEvent.objects.filter(operation="ConfirmClock").latest("sequence")
    assert (event.principal_kind, event.account_uin) == ("operator", 0)
    assert '"Doubt":"ahead"' in event.details


def test_a_key_whose_day_has_not_come_is_safe_from_a_confirmed_clock(clocks) -> None:
    key_id = pending("orders")
    believed()
    clocks.steps(days=6)
    believed()
    confirm()
    with pytest.raises(CmkStateNotSupport):
        execute(DestroyKey, SYSTEM, KeyId=key_id)


def test_the_real_clocks_agree() -> None:
    first: tuple[datetime, float] = clock.now(), clock.elapsed()
    assert believed()
    assert clock_guard.steady()
    assert clock.elapsed() - first[1] < 60
    step: Callable[..., timedelta] = clock_guard._step
    last = clock_guard._Glimpse(*first, 0)
    assert abs(step(last, clock.now(), clock.elapsed())) < timedelta(seconds=5)
