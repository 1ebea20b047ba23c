"""Who sees which alarms: whoever may see the key, decided anew each time.

Alarms about the whole installation are for root users and the operator.
"""

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accessctl.credentials import principal_of
from accessctl.evaluator import decide
from accessctl.models import User
from keys.models import CustomerMasterKey
from keys.operations import DescribeKey
from kmsconsole import randomness
from kmsconsole.alarms.models import Alarm, AlarmRead, ReadUntil
from kmsconsole.principals import Call, Kind

# The bell counts up to this, among so many of the newest.
MOST_COUNTED, MOST_LOOKED_AT = 99, 500
_OF_EVERYTHING = (Kind.ROOT, Kind.OPERATOR)


def of_account(call: Call) -> "QuerySet[Alarm]":
    """Return the alarms of the caller's account, of the installation for root."""
    own = Q(account_uin=call.principal.account_uin)
    if call.principal.kind in _OF_EVERYTHING:
        own |= Q(account_uin__isnull=True)
    return Alarm.objects.filter(own)


def visible(call: Call, alarms: "QuerySet[Alarm]") -> "QuerySet[Alarm]":
    """Leave out alarms about keys that the caller may not see now."""
    if call.principal.kind in _OF_EVERYTHING:
        return alarms
    keys = call.visible(DescribeKey, CustomerMasterKey.objects.all())
    return alarms.filter(key_id__in=keys.values("id"))


def unread(call: Call, alarms: "QuerySet[Alarm]") -> "QuerySet[Alarm]":
    """Leave out what the caller has read."""
    uin = call.principal.uin
    until = ReadUntil.objects.filter(person_uin=uin).values("alarm_number")
    read = AlarmRead.objects.filter(person_uin=uin, alarm=OuterRef("pk"))
    newest: Any = Coalesce(Subquery(until), Value(0))
    return alarms.filter(~Exists(read), id__gt=newest)


def unread_count(call: Call) -> int:
    """Return how many alarms the caller has not read, `MOST_COUNTED` + 1 for more.

    One statement beside the reading of the caller's rules.
    """
    newest = unread(call, of_account(call)).order_by("-id")[:MOST_LOOKED_AT]
    # A list in a list: rights are asked about few rows, however many there are.
    few = Alarm.objects.filter(id__in=newest.values("id"))
    return visible(call, few)[: MOST_COUNTED + 1].count()


def call_of(person: User, region: str) -> Call:
    """Return the call of a person to whom something is sent."""
    principal = principal_of(person, fresh=False)
    return Call(principal, region, str(randomness.uuid4()), "")


def may_see(person: User, alarm: Alarm) -> bool:
    """Say whether a person may see an alarm now; nobody who can't sign in does."""
    if not person.is_active or person.deleted_at is not None:
        return False
    if alarm.account_uin is None:
        return person.is_root
    if alarm.account_uin != person.account_uin:
        return False
    if person.is_root:
        return True
    key = _key(alarm.key_id)
    if key is None:
        return False
    return decide(call_of(person, alarm.region), DescribeKey, key).allowed


def _key(key_id: UUID | None) -> CustomerMasterKey | None:
    return CustomerMasterKey.objects.filter(id=key_id).first() if key_id else None
