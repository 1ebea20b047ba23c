"""Takes alarms to those who want them elsewhere: at least once, within a day.

First an alarm is spread: for everybody who subscribed and may see it, one row a place.
Then rows that are due are sent. Whoever sends one moves its time on before, so that two
workers seldom send the same, and none is lost with a worker that dies.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F, QuerySet
from django.db.transaction import atomic
from django.utils.translation import override

from accessctl.models import User
from keys import custody
from keys.hsm.errors import HsmError
from kmsconsole import clock
from kmsconsole.alarms import mail, webhook
from kmsconsole.alarms.audience import may_see
from kmsconsole.alarms.failure import Failure
from kmsconsole.alarms.models import (
    Alarm,
    Channel,
    Delivery,
    MailAddress,
    Subscription,
    Webhook,
)
from kmsconsole.alarms.words import told
from kmsconsole.schedule.stint import Stint

LONGEST: Final = timedelta(days=1)
KEPT: Final = timedelta(days=30)
_TAKEN: Final = timedelta(minutes=2)
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=4)
_PAGE: Final = 100


def spread(stint: Stint) -> None:
    """Decide for new alarms to whom and by which way they go."""
    while stint.goes_on():
        fresh = Alarm.objects.filter(spread_at__isnull=True).order_by("id")
        alarms = list(fresh[:_PAGE])
        if not alarms:
            return
        for alarm in alarms:
            rows = [row for person in _wanting(alarm) for row in _rows(alarm, person)]
            with atomic():
                Delivery.objects.bulk_create(rows, ignore_conflicts=True)
                Alarm.objects.filter(pk=alarm.pk).update(spread_at=clock.now())


def _wanting(alarm: Alarm) -> list[User]:
    """Return who subscribed to this kind of alarm and may see this one."""
    wanted = Subscription.objects.filter(kind=alarm.kind).values("person_uin")
    people = User.objects.filter(uin__in=wanted, is_active=True)
    if alarm.account_uin is not None:
        people = people.filter(account_id=alarm.account_uin)
    else:
        people = people.filter(is_root=True)
    found = people.select_related("account").order_by("uin")
    return [person for person in found if may_see(person, alarm)]


def _rows(alarm: Alarm, person: User) -> list[Delivery]:
    wanted = Subscription.objects.filter(kind=alarm.kind, person_uin=person.uin)
    channels = set(wanted.values_list("channel", flat=True))
    rows = []
    if Channel.MAIL in channels and _address_of(person.uin) is not None:
        rows.append(message(person.uin, Channel.MAIL, alarm=alarm))
    if Channel.WEBHOOK in channels:
        hooks = Webhook.objects.filter(person_uin=person.uin)
        way = Channel.WEBHOOK
        rows += [message(person.uin, way, alarm=alarm, webhook=hook) for hook in hooks]
    return rows


def message(person_uin: int, channel: Channel, **about: Any) -> Delivery:
    """Return a row that is due now, not saved yet."""
    now = clock.now()
    return Delivery(
        person_uin=person_uin, channel=channel, created_at=now, due_at=now, **about
    )


def _address_of(uin: int) -> MailAddress | None:
    return MailAddress.objects.filter(person_uin=uin, verified_at__isnull=False).first()


def send(stint: Stint) -> None:
    """Send what is due, oldest first; what is left stands in `stint.resume`."""
    stint.resume = ""
    while due := _due(clock.now()).select_related("alarm", "webhook").first():
        if not stint.goes_on():
            stint.resume = "more"
            return
        if _take(due):
            stint.tally.due += 1
            _attempt(due, stint)


def _due(moment: datetime) -> "QuerySet[Delivery]":
    waiting = Delivery.objects.filter(ended_at__isnull=True, due_at__lte=moment)
    return waiting.order_by("due_at", "pk")


def _take(delivery: Delivery) -> bool:
    """Move the row's time on; False where somebody else was first."""
    mine = Delivery.objects.filter(
        pk=delivery.pk, ended_at__isnull=True, due_at=delivery.due_at
    )
    taken = mine.update(due_at=clock.now() + _TAKEN, attempts=F("attempts") + 1)
    delivery.attempts += 1
    return taken == 1


def _attempt(delivery: Delivery, stint: Stint) -> None:
    now = clock.now()
    try:
        sent = _WAYS[Channel(delivery.channel)](delivery)
    except Failure as failure:
        stint.tally.failed += 1
        stint.tally.failure = f"{delivery.channel} {delivery.id}: {failure.code}"[:255]
        pause = min(_FIRST_PAUSE * 2 ** (delivery.attempts - 1), _LONGEST_PAUSE)
        gone = now - delivery.created_at >= LONGEST
        _note(
            delivery,
            failure.code,
            due_at=now + pause,
            ended_at=now if gone else None,
        )
        if delivery.webhook_id:
            _put_off(delivery.webhook_id, failure.code, now, now + pause)
        return
    stint.tally.done += 1
    _note(delivery, "", sent_at=now if sent else None, ended_at=now)


def _put_off(webhook_id: UUID, failure: str, now: datetime, until: datetime) -> None:
    """Let what else is due there wait as well, so that it holds up nobody's messages.

    Each would take until its timeout; what waited for a day has ended.
    """
    waiting = Delivery.objects.filter(webhook_id=webhook_id, ended_at__isnull=True)
    old = waiting.filter(created_at__lte=now - LONGEST)
    old.update(last_failure=failure, ended_at=now)
    waiting.filter(due_at__lte=now).update(due_at=until)


def _note(delivery: Delivery, failure: str, **columns: Any) -> None:
    rows = Delivery.objects.filter(pk=delivery.pk)
    rows.update(last_failure=failure, **columns)
    if delivery.webhook_id:
        sent = {"last_sent_at": clock.now()} if columns.get("sent_at") else {}
        hooks = Webhook.objects.filter(pk=delivery.webhook_id)
        hooks.update(last_failure=failure, **sent)


def _still_wanted(delivery: Delivery) -> bool:
    """Ask once more, as what somebody may see and wants can change within a day."""
    people = User.objects.select_related("account").filter(uin=delivery.person_uin)
    person = people.first()
    if person is None or not person.is_active or person.deleted_at is not None:
        return False
    if delivery.alarm is None:
        return True
    wanted = Subscription.objects.filter(
        person_uin=person.uin, kind=delivery.alarm.kind, channel=delivery.channel
    )
    return wanted.exists() and may_see(person, delivery.alarm)


def _mail(delivery: Delivery) -> bool:
    """Send by mail; False where that is not wanted any more."""
    rows = MailAddress.objects.filter(person_uin=delivery.person_uin)
    row = rows.first()
    if row is None or not _still_wanted(delivery):
        return False
    if delivery.alarm is not None and row.verified_at is None:
        return False
    mail.send(delivery, row)
    return True


def _post(delivery: Delivery) -> bool:
    """Post to a webhook; False where that is not wanted any more."""
    hook = delivery.webhook
    if hook is None or not _still_wanted(delivery):
        return False
    place = webhook.place_of(hook.url)
    if place is None:
        raise Failure("address")
    try:
        secret = custody.keyring().open_secret(
            hook.data_key_epoch, bytes(hook.sealed_secret), secret_binding(hook)
        )
    except HsmError:
        raise Failure("hsm") from None
    body, number = body_of(delivery), str(delivery.id)
    sent = webhook.headers(secret.decode("ascii"), number, clock.now(), body)
    webhook.post(place, body, sent)
    return True


_WAYS: dict[Channel, Callable[[Delivery], bool]] = {
    Channel.MAIL: _mail,
    Channel.WEBHOOK: _post,
}


def secret_binding(hook: Webhook) -> bytes:
    """What a sealed secret is bound to: its own webhook and person."""
    return f"alarms/webhook/1|{hook.id}|{hook.person_uin}".encode("ascii")


def body_of(delivery: Delivery) -> bytes:
    """Return what is posted: an alarm, or a trial."""
    alarm = delivery.alarm
    if alarm is None:
        said: dict[str, Any] = {"type": "trial", "data": {}}
    else:
        with override("en"):
            words = told(alarm)
        said = {
            "type": f"alarm.{alarm.kind}",
            "data": {
                "Alarm": alarm.pk,
                "AccountId": alarm.account_uin,
                "Region": alarm.region,
                "KeyId": str(alarm.key_id) if alarm.key_id else None,
                "KeyName": alarm.key_name,
                "Title": words.title,
                "Text": words.sentence,
                "Advice": words.mend,
                "Details": json.loads(alarm.details),
            },
        }
    at = alarm.at if alarm is not None else delivery.created_at
    return json.dumps(said | {"timestamp": at.isoformat()}, sort_keys=True).encode()


def forget(stint: Stint) -> None:
    """Drop rows that ended long ago."""
    old = Delivery.objects.filter(ended_at__lt=clock.now() - KEPT)
    stint.tally.done += old.delete()[0]


def work(stint: Stint) -> None:
    """Spread, send, forget: the sweep of the outbox."""
    spread(stint)
    send(stint)
