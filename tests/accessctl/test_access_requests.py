"""Asking for access: what the requester learns, who decides, when it ends."""

from datetime import timedelta

import pytest

from accessctl.errors import (
    NotOneself,
    RequestDecided,
    RequestLimitReached,
    RequestNotFound,
    RightNotDelegable,
    RightNotForKeys,
    RootNeedsNoRights,
    UnknownRight,
)
from accessctl.models import AccessRequest, UserKeyGrant
from accessctl.operations import (
    DecideAccessRequest,
    ListAccessRequests,
    RequestAccess,
    WithdrawAccessRequest,
)
from accessctl.operations.requests import MOST_OPEN
from keys.operations import Encrypt
from kmsconsole import clock, randomness
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import (
    InvalidParameterValue,
    StepUpRequired,
    UnauthorizedOperation,
)
from kmsconsole.principals import Principal
from tests.accessctl.people import acting, grant, sub_account
from tests.personas import FOREIGN_ROOT, ROOT, create_key, execute

pytestmark = pytest.mark.django_db

TEXT = "YQ=="


def ask(who: Principal, key: str, right: str = "role.key-user", **more) -> int:
    wanted = {"KeyId": key, "Right": right, "Hours": 8, "Reason": "the nightly run"}
    return execute(RequestAccess, who, **(wanted | more)).output["RequestId"]


def decide(number: int, who: Principal = ROOT, *, yes: bool = True, **more):
    data = {"RequestId": number, "Grant": yes, **more}
    return execute(DecideAccessRequest, who, **data).output


def test_a_granted_request_works_and_ends_by_itself(monkeypatch) -> None:
    key = create_key()
    ann = acting(sub_account())
    number = ask(ann, key)
    with pytest.raises(UnauthorizedOperation):
        execute(Encrypt, ann, KeyId=key, Plaintext=TEXT)
    now = clock.now()
    assert decide(number, Hours=2)["Changed"]
    execute(Encrypt, ann, KeyId=key, Plaintext=TEXT)
    row = UserKeyGrant.objects.get()
    assert (row.source, row.granted_by_name) == (f"request:{number}", "admin")
    assert timedelta(hours=2) <= row.expires_at - now < timedelta(hours=2, minutes=1)
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=3))
    with pytest.raises(UnauthorizedOperation):
        execute(Encrypt, ann, KeyId=key, Plaintext=TEXT)


def test_the_answer_is_the_same_whether_the_key_exists_or_not() -> None:
    own = create_key()
    foreign = create_key("theirs", FOREIGN_ROOT)
    ann = acting(sub_account())
    for key in (own, foreign, str(randomness.uuid4())):
        wanted = {"KeyId": key, "Right": "Decrypt", "Hours": 1, "Reason": "x"}
        output = execute(RequestAccess, ann, **wanted).output
        assert output == {"RequestId": output["RequestId"], "Changed": True}
    listed = execute(ListAccessRequests, ann).output
    assert {one.key.alias for one in listed["Own"]} == {""}
    assert listed["Open"] == listed["Decided"] == []
    assert execute(ListAccessRequests, FOREIGN_ROOT).output["Open"] == []
    assert len(execute(ListAccessRequests).output["Open"]) == 3


def test_asking_twice_is_asking_once_and_there_is_a_limit() -> None:
    ann = acting(sub_account())
    key = create_key()
    assert ask(ann, key) == ask(ann, key, Reason="again")
    for _ in range(MOST_OPEN - 1):
        ask(ann, str(randomness.uuid4()))
    with pytest.raises(RequestLimitReached):
        ask(ann, str(randomness.uuid4()))
    assert AccessRequest.objects.count() == MOST_OPEN


def test_what_can_not_be_asked_for() -> None:
    key = create_key()
    ann = acting(sub_account())
    with pytest.raises(RootNeedsNoRights):
        ask(ROOT, key)
    for right, refusal in (
        ("role.king", UnknownRight),
        ("DestroyKey", UnknownRight),
        ("CreateKey", RightNotForKeys),
    ):
        with pytest.raises(refusal):
            ask(ann, key, right)
    for more in ({"Hours": 0}, {"Hours": 721}, {"Reason": ""}):
        with pytest.raises(InvalidParameterValue):
            ask(ann, key, **more)


def test_who_gives_rights_on_a_key_decides_its_requests_and_no_others() -> None:
    key, other = create_key("one"), create_key("two")
    ann, boss = acting(sub_account("ann")), sub_account("boss")
    grant(boss, "role.key-administrator", key=key)
    me = acting(boss)
    mine, foreign = ask(ann, key), ask(ann, other)
    full, own = ask(ann, key, "role.full-access"), ask(me, key)
    listed = execute(ListAccessRequests, me).output
    assert {one.request.id for one in listed["Open"]} == {mine, full}
    for number, refusal in (
        (foreign, UnauthorizedOperation),
        (own + 100, UnauthorizedOperation),
        (full, RightNotDelegable),
        (own, NotOneself),
    ):
        with pytest.raises(refusal):
            decide(number, me)
    assert decide(mine, me)["Changed"]
    assert decide(full, me, yes=False, Answer="no")["Changed"]
    stale = Principal(me.kind, me.account_uin, me.uin, me.name, "session", fresh=False)
    with pytest.raises(StepUpRequired):
        decide(mine, stale)


def test_deciding_twice_is_harmless_and_a_second_person_is_told() -> None:
    key = create_key()
    ann, boss = acting(sub_account("ann")), sub_account("boss")
    grant(boss, "role.full-access")
    number = ask(ann, key)
    assert decide(number, acting(boss))["Changed"]
    assert not decide(number, acting(boss))["Changed"]
    for yes in (True, False):
        with pytest.raises(RequestDecided) as refusal:
            decide(number, yes=yes)
        assert "boss granted it" in refusal.value.message
    with pytest.raises(RequestDecided):
        execute(WithdrawAccessRequest, ann, RequestId=number)
    with pytest.raises(RequestNotFound):
        decide(number + 100)


def test_a_right_that_lasts_longer_stays_as_it_is() -> None:
    key = create_key()
    user = sub_account()
    number = ask(acting(user), key, "role.key-user")
    grant(user, "role.key-user", key=key)
    assert decide(number)["Until"] is None
    row = UserKeyGrant.objects.get()
    assert (row.expires_at, row.source) == (None, "")


def test_a_request_is_withdrawn_by_its_sender_only() -> None:
    ann, bob = acting(sub_account("ann")), acting(sub_account("bob"))
    number = ask(ann, create_key())
    with pytest.raises(RequestNotFound):
        execute(WithdrawAccessRequest, bob, RequestId=number)
    assert execute(WithdrawAccessRequest, ann, RequestId=number).output["Changed"]
    assert not execute(WithdrawAccessRequest, ann, RequestId=number).output["Changed"]
    with pytest.raises(RequestDecided):
        decide(number)


def test_a_key_that_is_not_there_can_only_be_refused() -> None:
    ann = acting(sub_account())
    number = ask(ann, str(randomness.uuid4()))
    with pytest.raises(Exception, match="ResourceUnavailable"):
        decide(number)
    assert decide(number, yes=False)["Changed"]
    event = AuditEvent.objects.filter(operation="DecideAccessRequest").latest(
        "sequence"
    )
    assert '"Right"' in event.details
