"""The broker goes away under a running service: only what is due waits for it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.processes import wait_until
from tests.server import RunningServer, data_folder
from tests.services import given, rows
from tests.services.backends import Backend, RabbitMQ, Redis
from tests.services.client import Person, Program

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("broker")]

# Sweeps are nudged once a minute, the heartbeat twice; a busy machine takes longer.
_PERIOD_SECONDS = 100


@dataclass
class Broker:
    """A service, and how to take its broker away and bring it back."""

    server: RunningServer
    lose: Callable[[], None]
    bring_back: Callable[[], None]


@contextmanager
def _served(kind: type[Backend] | None) -> Iterator[Broker]:
    if kind is not None:
        with (
            kind.running() as backend,
            RunningServer.started(CELERY_BROKER_URL=backend.url) as server,
        ):
            yield Broker(server, backend.kill, backend.start)
        return
    with data_folder() as home, RunningServer.started(home) as server:
        messages, aside = home / "broker", home / "broker-aside"

        def lose() -> None:
            # A file in its place, so that nothing can be put there.
            messages.rename(aside)
            messages.write_text("gone")

        def bring_back() -> None:
            messages.unlink()
            aside.rename(messages)

        yield Broker(server, lose, bring_back)


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A service on a broker of its own, of the kind these tests were given."""
    url = given.broker()
    kind = None if url is None else RabbitMQ if url.startswith("amqp") else Redis
    with _served(kind) as made:
        yield made


def test_work_waits_for_the_broker_and_nothing_else_does(broker: Broker) -> None:
    server = broker.server
    program, person = Program(server), Person(server)
    due, kept = program.create_key("due"), program.create_key("kept")
    assert program.code("EnableKeyRotation", KeyId=due) == ""
    assert program.code("DisableKey", KeyId=kept) == ""
    waiting = {"KeyId": kept, "PendingWindowInDays": 7}
    assert program.code("ScheduleKeyDeletion", **waiting) == ""
    rows.fall_due(server, due, "next_rotation_at")
    # The whole way: beat, broker, worker, database, HSM.
    assert wait_until(lambda: rows.versions(server, due) == 2, _PERIOD_SECONDS)

    broker.lose()
    # What the worker was given already, it still does.
    time.sleep(5)
    rows.fall_due(server, kept, "deletion_date")
    heard = rows.heartbeat(server, "worker")
    beaten = rows.heartbeat(server, "beat")
    assert person.sign_in() == 302
    for number in range(20):
        assert program.works_with(program.create_key(f"meanwhile-{number}"))
        assert person.get("/keys/")[0] == 200
    assert program.code("DisableKey", KeyId=due) == ""
    assert program.code("Encrypt", KeyId=due, Plaintext="YQ==") != ""
    assert program.code("EnableKey", KeyId=due) == ""
    # Beat goes on although nobody takes what it sends.
    assert wait_until(lambda: rows.heartbeat(server, "beat") > beaten, _PERIOD_SECONDS)
    assert rows.heartbeat(server, "worker") == heard
    assert rows.state(server, kept) == "PendingDelete"
    assert server.process.poll() is None

    broker.bring_back()
    assert wait_until(
        lambda: rows.state(server, kept) == "Destroyed", 2 * _PERIOD_SECONDS
    ), server.lines[-20:]
    assert wait_until(lambda: rows.heartbeat(server, "worker") > heard, _PERIOD_SECONDS)
    assert rows.versions(server, due) == 2
    assert server.process.poll() is None
