"""Quick operations are done in turn and answered together: after their commit."""

import asyncio
import base64
import json
import time
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from django.db import DataError, OperationalError

from keys.api import lane as module
from keys.api.front import Answer, Begun
from keys.api.lane import Lane
from kmsconsole.audit import recorder
from kmsconsole.audit.models import AuditEvent
from kmsconsole.operations import Effect, registry
from tests.api.wire import VERSION, Message, Sender
from tests.loops import in_loop

pytestmark = pytest.mark.django_db

PLAIN = base64.b64encode(b"thirty-two bytes to be encrypted").decode()
UNAVAILABLE = "UnsupportedOperation.ServiceTemporaryUnavailable"


def request(sender: Sender, action: str, **parameters: Any) -> dict[str, Any]:
    return sender.environ(Message(action, json.dumps(parameters).encode()))


def answered(requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    told = []
    for headers, content in Begun(requests).answers():
        assert dict(headers)[b"content-length"] == str(len(content)).encode()
        told.append(json.loads(content)["Response"])
    return told


def codes(answers: Sequence[dict[str, Any]]) -> list[str]:
    return [answer.get("Error", {}).get("Code", "") for answer in answers]


def encryptions(sender: Sender, key_id: str, number: int) -> list[dict[str, Any]]:
    return [
        request(
            sender, "Encrypt", KeyId=key_id, Plaintext=PLAIN, EncryptionContext=text
        )
        for text in (json.dumps({"at": str(at)}) for at in range(number))
    ]


def test_each_has_its_own_answer_and_event(sender: Sender, key_id: str) -> None:
    blob = sender.ask("Encrypt", KeyId=key_id, Plaintext=PLAIN).response
    answers = answered(
        [
            request(sender, "Decrypt", CiphertextBlob=blob["CiphertextBlob"]),
            request(sender, "Encrypt", KeyId=key_id, Plaintext="no base64!"),
            request(sender, "GenerateDataKey", KeyId=key_id, KeySpec="AES_256"),
            {**request(sender, "Encrypt"), "HTTP_AUTHORIZATION": "TC3-HMAC-SHA256 x"},
            request(sender, "GenerateRandom", NumberOfBytes=3),
        ]
    )
    assert codes(answers) == [
        "",
        "InvalidParameterValue.InvalidPlaintext",
        "",
        "AuthFailure.InvalidAuthorization",
        "",
    ]
    assert answers[0]["Plaintext"] == PLAIN
    assert len(base64.b64decode(answers[4]["Plaintext"])) == 3
    for answer, code in zip(answers, codes(answers), strict=True):
        event = AuditEvent.objects.get(request_id=answer["RequestId"])
        assert event.error_code == code


def test_numbers_of_events_have_no_gap(sender: Sender, key_id: str) -> None:
    answered(encryptions(sender, key_id, 3))
    answered(encryptions(sender, key_id, 5))
    events = AuditEvent.objects.filter(operation="Encrypt").order_by("sequence")
    numbers = list(events.values_list("writer_number", flat=True))
    assert numbers == list(range(numbers[0], numbers[0] + 8))


def test_without_its_event_nothing_leaves(
    sender: Sender, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_rows: Any) -> None:
        raise OperationalError("disk is full")

    known = AuditEvent.objects.count()
    with monkeypatch.context() as faulty:
        faulty.setattr(recorder, "_insert", full)
        answers = answered(encryptions(sender, key_id, 3))
    assert codes(answers) == [UNAVAILABLE] * 3
    assert "CiphertextBlob" not in repr(answers)
    assert AuditEvent.objects.count() == known
    assert codes(answered(encryptions(sender, key_id, 1))) == [""]


def test_one_event_that_no_column_takes_is_no_fault_of_the_others(
    sender: Sender, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, tried = recorder._insert, []

    def picky(rows: Sequence[Any]) -> None:
        tried.append(len(rows))
        if any("GenerateRandom" in row for row in rows):
            raise DataError("value too long")
        insert(rows)

    monkeypatch.setattr(recorder, "_insert", picky)
    requests = encryptions(sender, key_id, 3)
    requests.insert(1, request(sender, "GenerateRandom", NumberOfBytes=3))
    answers = answered(requests)
    assert codes(answers) == ["", UNAVAILABLE, "", ""]
    assert "Plaintext" not in answers[1]
    assert tried == [4, 1, 1, 1, 1]
    events = AuditEvent.objects.filter(operation="Encrypt").order_by("sequence")
    numbers = list(events.values_list("writer_number", flat=True))
    assert numbers == list(range(numbers[0], numbers[0] + 3))


def test_a_fault_answers_everybody_and_tells_nothing(
    sender: Sender,
    key_id: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_rows: Any) -> None:
        raise RuntimeError(PLAIN)

    monkeypatch.setattr(recorder, "_insert", broken)
    answers = answered(encryptions(sender, key_id, 2))
    assert codes(answers) == ["InternalError"] * 2
    assert PLAIN not in caplog.text + repr(answers)
    assert recorder._gathering.events is None


def test_what_is_quick_changes_nothing() -> None:
    quick = {name: each for name, each in registry().items() if each.quick}
    assert set(quick) == {
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateRandom",
        "ReEncrypt",
    }
    assert {each.effect for each in quick.values()} == {Effect.CRYPTOGRAPHY}
    assert all(each.api for each in quick.values())


@pytest.mark.parametrize(
    ("action", "parts", "takes"),
    [
        ("Encrypt", {}, True),
        ("CreateKey", {}, False),
        ("SignByAsymmetricKey", {}, False),
        ("NoSuchAction", {}, False),
        ("Encrypt", {"PATH_INFO": "/keys/"}, False),
        ("Encrypt", {"REQUEST_METHOD": "GET"}, True),
    ],
)
def test_what_the_lane_takes(
    sender: Sender, action: str, parts: dict[str, str], takes: bool
) -> None:
    assert Lane().takes(request(sender, action) | parts) is takes


@pytest.mark.parametrize(
    ("body", "takes"),
    [
        (b'{"KeyId":"x","KeySpec":"AES_256"}', True),
        (b'{"KeyId":"x","IsHostedByKms":1}', False),
        (b'{"KeyId":"x","\\u0049sHostedByKms":1}', False),
    ],
)
def test_a_data_key_that_is_kept_is_a_change(
    sender: Sender, body: bytes, takes: bool
) -> None:
    environ = sender.environ(Message("GenerateDataKey", body))
    assert Lane().takes(environ) is takes
    message = Message("GenerateDataKey", method="GET", query="IsHostedByKm%73=1")
    assert not Lane().takes(sender.environ(message))


def test_a_get_without_a_header_is_no_ones_of_the_lane(sender: Sender) -> None:
    message = Message(
        "Encrypt", method="GET", query=f"Action=Encrypt&Version={VERSION}"
    )
    environ = sender.environ(message)
    del environ["HTTP_X_TC_ACTION"]
    assert not Lane().takes(environ)


class Work:
    """In place of requests that ask: says how many were together, and takes a while."""

    groups: ClassVar[list[int]] = []
    seconds: ClassVar[float] = 0.0

    def __init__(self, requests: Sequence[dict[str, Any]]) -> None:
        self.groups.append(len(requests))
        self.requests = requests

    def answers(self) -> list[Answer]:
        time.sleep(self.seconds)
        return [([], each["number"]) for each in self.requests]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> type[Work]:
    monkeypatch.setattr(module, "Begun", Work)
    monkeypatch.setattr(Work, "groups", [])
    return Work


async def ask(lane: Lane, number: int) -> list[bytes]:
    asked = (lane.answer({"number": b"%d" % at}) for at in range(number))
    return [content for _, content in await asyncio.gather(*asked)]


def test_who_comes_together_is_answered_together(work: type[Work]) -> None:
    async def all_of_it() -> None:
        lane = Lane()
        assert await ask(lane, 40) == [b"%d" % at for at in range(40)]
        assert max(work.groups) == 16
        assert sum(work.groups) == 40
        # Again, after it came to rest; one who leaves takes nothing from the others.
        for _ in range(50):
            left = asyncio.ensure_future(lane.answer({"number": b"left"}))
            await asyncio.sleep(0)
            left.cancel()
            assert await ask(lane, 2) == [b"0", b"1"]

    in_loop(asyncio.wait_for(all_of_it(), 60))


def test_two_halves_that_take_turns_become_one_group(
    work: type[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "seconds", 0.02)
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 5)

    async def client(lane: Lane, *, late: bool) -> None:
        if late:
            await asyncio.sleep(0.01)
        for _ in range(10):
            await lane.answer({"number": b""})

    async def all_of_it() -> None:
        lane = Lane()
        await asyncio.gather(*(client(lane, late=at > 2) for at in range(6)))
        # Three at first; the others wait for these, and all stay together.
        assert work.groups[:2] == [3, 6]
        assert sum(work.groups) == 60
        assert work.groups.count(6) == 9

    in_loop(asyncio.wait_for(all_of_it(), 60))


def test_who_was_just_answered_is_waited_for_where_nobody_else_waits(
    work: type[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 5)

    async def client(lane: Lane, place: int) -> None:
        for _ in range(10):
            await lane.answer({"number": b""})
            # One after the other, as answers reach them.
            await asyncio.sleep(0.003 * place)

    async def all_of_it() -> None:
        lane = Lane()
        await asyncio.gather(*(client(lane, place) for place in range(4)))
        assert work.groups == [4] * 10

    in_loop(asyncio.wait_for(all_of_it(), 60))


def test_who_waits_does_so_for_a_moment_only(
    work: type[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "seconds", 0.05)

    async def all_of_it() -> None:
        lane = Lane()
        first = asyncio.ensure_future(ask(lane, 2))
        await asyncio.sleep(0.02)
        # The two that are answered meanwhile never come again.
        assert await asyncio.wait_for(ask(lane, 1), 20) == [b"0"]
        assert await first == [b"0", b"1"]
        assert work.groups == [2, 1]

    in_loop(asyncio.wait_for(all_of_it(), 60))


def test_after_nobody_came_nobody_is_waited_for(
    work: type[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "seconds", 0.05)
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 2)

    async def waited(lane: Lane) -> float:
        first = asyncio.ensure_future(ask(lane, 2))
        await asyncio.sleep(0.02)
        began = time.monotonic()
        await ask(lane, 1)
        await first
        return time.monotonic() - began

    async def all_of_it() -> None:
        lane = Lane()
        assert await waited(lane) >= 2
        for _ in range(3):
            assert await waited(lane) < 2

    in_loop(asyncio.wait_for(all_of_it(), 60))


@pytest.mark.parametrize("late", [False, True])
def test_a_fault_reaches_whom_it_concerns_and_the_lane_goes_on(
    monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    class Faulty:
        def __init__(self, requests: Sequence[dict[str, Any]]) -> None:
            self.fails = requests[0]["fails"]
            if self.fails and not late:
                raise ValueError

        def answers(self) -> list[Answer]:
            if self.fails:
                raise ValueError
            return [([], b"answer")]

    monkeypatch.setattr(module, "Begun", Faulty)

    async def all_of_it() -> None:
        lane = Lane()
        for _ in range(3):
            with pytest.raises(ValueError, match=r"^$"):
                await asyncio.wait_for(lane.answer({"fails": True}), 20)
            answer = await asyncio.wait_for(lane.answer({"fails": False}), 20)
            assert answer == ([], b"answer")

    in_loop(all_of_it())
