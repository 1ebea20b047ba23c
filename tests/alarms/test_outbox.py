"""Mail and webhooks against servers that listen: at least once, and never elsewhere."""

import base64
import hashlib
import hmac
import json
import re
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from accessctl.models import User
from keys.models import CustomerMasterKey
from kmsconsole import clock
from kmsconsole.alarms import outbox, webhook
from kmsconsole.alarms.failure import Failure
from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.models import Alarm, Delivery, MailAddress, Webhook
from kmsconsole.alarms.operations import (
    ConfirmAlarmAddress,
    CreateWebhook,
    DeleteWebhook,
    SetAlarmAddress,
    SetAlarmSubscriptions,
    TryWebhook,
)
from kmsconsole.alarms.raising import raise_alarm
from kmsconsole.errors import KMSError
from kmsconsole.principals import Principal
from kmsconsole.schedule import running
from kmsconsole.schedule.stint import Stint
from kmsconsole.schedule.sweeps import sweeps
from tests.accessctl.people import acting, grant, revoke, sub_account
from tests.alarms.conftest import Later
from tests.alarms.receivers import (
    HOST,
    Mailbox,
    Receiver,
    https_server,
    mail_server,
    make_certificates,
)
from tests.console import signed_in, words
from tests.personas import ROOT, create_key, execute

pytestmark = pytest.mark.django_db
HSM = AlarmKind.HSM_DOWN


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with mail_server() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        settings.KMS_MAIL = True
        yield box


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture
def receiver(
    certificates: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Receiver]:
    """A server that HOST leads to, in a network that the operator listed."""
    settings.KMS_WEBHOOK_CA = certificates / "ca.pem"
    settings.KMS_WEBHOOK_NETWORKS = (ip_network("127.0.0.0/8"),)
    leads(monkeypatch, "127.0.0.1")
    with https_server(certificates) as server:
        yield server


def leads(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let the name HOST lead to these addresses."""
    real = socket.getaddrinfo

    def look(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host != HOST:
            return real(host, port, *more, **named)
        return [
            entry
            for address in addresses
            for entry in real(address, port, type=socket.SOCK_STREAM)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look)


def work() -> Stint:
    stint = Stint()
    outbox.work(stint)
    return stint


def person(name: str = "ann") -> User:
    user = sub_account(name)
    grant(user, "role.read-only")
    return user


def subscribed(principal: Principal, **kinds: list[str]) -> None:
    execute(SetAlarmSubscriptions, principal, **kinds)


def mail_to(principal: Principal, box: Mailbox, address: str = "a@b.test") -> None:
    execute(SetAlarmAddress, principal, Address=address)
    work()
    (code,) = re.findall(r"\d{8}", str(box.messages[-1].get_payload()))
    execute(ConfirmAlarmAddress, principal, Code=code)
    box.messages.clear()


def hook(principal: Principal, receiver: Receiver) -> dict[str, Any]:
    url = f"https://{HOST}:{receiver.port}/in?token=1"
    return execute(CreateWebhook, principal, Url=url).output


def alarm(alias: str = "orders", day: str = "1") -> CustomerMasterKey:
    key = CustomerMasterKey.objects.filter(alias=alias).first()
    if key is None:
        key = CustomerMasterKey.objects.get(id=create_key(alias))
    said = {"Date": 1_800_000_000, "Days": 3}
    raise_alarm(AlarmKind.DELETION_NEAR, day, key=key, details=said)
    return key


NEAR = [AlarmKind.DELETION_NEAR.value]
HELD = [AlarmKind.DELETION_HELD.value]


def test_mail_goes_to_proved_addresses_of_those_who_want_and_see_it(
    mailbox: Mailbox,
) -> None:
    ann, ben, cara = person("ann"), person("ben"), sub_account("cara")
    for user in (ann, ben, cara):
        mail_to(acting(user), mailbox, f"{user.name}@b.test")
    subscribed(acting(ann), Mail=NEAR)
    subscribed(acting(cara), Mail=NEAR)
    subscribed(acting(ben), Mail=["hsm-down"])
    key = alarm()
    for _ in range(3):
        work()
    (message,) = mailbox.messages
    assert message["To"] == "ann@b.test"
    assert message["Subject"].endswith("deletion: orders")
    text = str(message.get_payload(decode=True).decode())  # type: ignore[union-attr]
    assert "orders will be destroyed in less than 3 days" in text
    assert f"/keys/{key.id}/" in text
    assert message["Auto-Submitted"] == "auto-generated"


def test_a_reminder_of_a_held_deletion_is_sent_as_one_that_waits(
    mailbox: Mailbox, receiver: Receiver
) -> None:
    ann = acting(person())
    mail_to(ann, mailbox)
    hook(ann, receiver)
    subscribed(ann, Mail=HELD, Webhook=HELD)
    key = CustomerMasterKey.objects.get(id=create_key("orders"))
    said = {
        "Caller": "ben",
        "Operation": "Decrypt",
        "Date": 1_799_990_000,
        "Since": 1_799_990_060,
        "Due": 1_800_000_000,
    }
    for _ in range(2):
        raise_alarm(AlarmKind.DELETION_HELD, "7|0", key=key, details=said)
        work()
    (message,) = mailbox.messages
    text = str(message.get_payload(decode=True).decode())  # type: ignore[union-attr]
    ((_path, _sent, body),) = receiver.requests
    data = json.loads(body)["data"]
    assert data["Details"] == said
    for told in (text, data["Text"]):
        assert "orders, due on 15 Jan 2027, 08:00 UTC, has been held since" in told
        assert "ben tried “Decrypt” with it on 15 Jan 2027, 05:13 UTC." in told
        assert "will be destroyed" not in told
    for advised in (text, data["Advice"]):
        assert "Decide: cancel the deletion, or confirm it." in advised
        assert "Until then you can cancel" not in advised


def test_nothing_is_mailed_to_an_address_before_its_code(mailbox: Mailbox) -> None:
    ann = acting(person())
    execute(SetAlarmAddress, ann, Address="a@b.test")
    subscribed(ann, Mail=NEAR)
    alarm()
    work()
    (message,) = mailbox.messages
    assert message["Subject"] == "Your code for alarms"
    for wrong in ("00000000", "", "abc", "1" * 8, "2" * 8):
        with pytest.raises(KMSError):
            execute(ConfirmAlarmAddress, ann, Code=wrong)
    # Tried too often: the right one proves nothing any more.
    (code,) = re.findall(r"\d{8}", str(message.get_payload()))
    with pytest.raises(KMSError):
        execute(ConfirmAlarmAddress, ann, Code=code)
    assert MailAddress.objects.get().verified_at is None


def test_codes_end_and_are_not_sent_one_after_another(
    mailbox: Mailbox, later: Later
) -> None:
    ann = acting(person())
    execute(SetAlarmAddress, ann, Address="a@b.test")
    with pytest.raises(KMSError):
        execute(SetAlarmAddress, ann, Address="c@b.test")
    work()
    (code,) = re.findall(r"\d{8}", str(mailbox.messages[-1].get_payload()))
    later(days=1, minutes=1)
    with pytest.raises(KMSError):
        execute(ConfirmAlarmAddress, ann, Code=code)
    for wrong in ("nobody", "a@b.test\nBcc: x@y.test", "a b@c.test"):
        with pytest.raises(KMSError):
            execute(SetAlarmAddress, ann, Address=wrong)


def test_mail_speaks_the_language_of_who_asked(mailbox: Mailbox) -> None:
    ann = acting(person())
    mail_to(ann, mailbox)
    MailAddress.objects.update(language="zh-hans")
    subscribed(ann, Mail=NEAR)
    alarm()
    work()
    payload: Any = mailbox.messages[0].get_payload(decode=True)
    assert "被销毁" in payload.decode()


def test_a_mail_server_that_refuses_is_tried_again_for_a_day(
    mailbox: Mailbox, later: Later
) -> None:
    ann = acting(person())
    mail_to(ann, mailbox)
    subscribed(ann, Mail=NEAR)
    alarm()
    mailbox.answer = 451
    outbox.spread(Stint())
    tried = []
    for minute in range(30 * 60):
        before = Delivery.objects.get(alarm__isnull=False).attempts
        if Delivery.objects.filter(due_at__lte=clock.now(), ended_at=None).exists():
            work()
        if Delivery.objects.get(alarm__isnull=False).attempts > before:
            tried.append(minute)
        later(minutes=1)
    row = Delivery.objects.get(alarm__isnull=False)
    assert row.ended_at is not None
    assert row.sent_at is None
    assert row.last_failure == "mail 451"
    pauses = [b - a for a, b in pairwise(tried)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert max(pauses) == 240
    assert 24 * 60 <= tried[-1] <= 28 * 60


def test_a_message_keeps_its_id_when_it_is_repeated(
    mailbox: Mailbox, later: Later
) -> None:
    ann = acting(person())
    mail_to(ann, mailbox)
    subscribed(ann, Mail=NEAR)
    alarm()
    work()
    # The worker died after the message was taken and before that was noted.
    told = Delivery.objects.filter(alarm__isnull=False)
    told.update(ended_at=None, sent_at=None, due_at=clock.now())
    work()
    first, second = (message["Message-ID"] for message in mailbox.messages)
    assert first == second


def test_who_dies_with_a_message_loses_nothing(mailbox: Mailbox, later: Later) -> None:
    ann = acting(person())
    mail_to(ann, mailbox)
    subscribed(ann, Mail=NEAR)
    alarm()
    outbox.spread(Stint())
    row, other = (Delivery.objects.get(alarm__isnull=False) for _ in range(2))
    assert outbox._take(row)
    # Meanwhile nobody else sends it.
    assert not outbox._take(other)
    work()
    assert mailbox.messages == []
    later(minutes=5)
    work()
    assert len(mailbox.messages) == 1


def test_what_changed_since_is_asked_again(mailbox: Mailbox, later: Later) -> None:
    ann, ben = person("ann"), person("ben")
    for user in (ann, ben):
        mail_to(acting(user), mailbox, f"{user.name}@b.test")
        subscribed(acting(user), Mail=NEAR)
    alarm()
    outbox.spread(Stint())
    revoke(ann, "role.read-only")
    subscribed(acting(ben), Mail=[])
    work()
    assert mailbox.messages == []
    alarms = Delivery.objects.filter(alarm__isnull=False)
    assert {row.ended_at is not None for row in alarms} == {True}
    assert {row.sent_at for row in alarms} == {None}


def test_a_webhook_is_signed_as_the_standard_has_it(receiver: Receiver) -> None:
    ann = acting(person())
    made = hook(ann, receiver)
    subscribed(ann, Webhook=NEAR)
    key = alarm()
    for _ in range(2):
        work()
    ((path, sent, body),) = receiver.requests
    assert path == "/in?token=1"
    assert receiver.server_names == [HOST]
    assert sent["host"] == f"{HOST}:{receiver.port}"
    secret = base64.b64decode(made["Secret"].removeprefix("whsec_"))
    assert len(secret) == 32
    signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    assert sent["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert abs(int(sent["webhook-timestamp"]) - time.time()) < 60
    said = json.loads(body)
    assert said["type"] == "alarm.deletion-near"
    assert said["data"]["KeyId"] == str(key.id)
    assert "destroyed in less than 3 days" in said["data"]["Text"]
    row = Delivery.objects.get()
    assert sent["webhook-id"] == str(row.id)
    assert Webhook.objects.get().last_sent_at is not None


def test_a_webhooks_secret_is_stored_sealed_and_recorded_nowhere(
    receiver: Receiver,
) -> None:
    from kmsconsole.audit.models import AuditEvent  # noqa: PLC0415 - only here

    made = hook(ROOT, receiver)
    secret = made["Secret"].removeprefix("whsec_")
    stored = Webhook.objects.get()
    assert secret.encode() not in bytes(stored.sealed_secret)
    recorded = " ".join(AuditEvent.objects.values_list("details", flat=True))
    assert secret not in recorded
    # Of the address only the host: the rest may be a secret of the receiver's.
    assert "token=1" not in recorded
    assert HOST in recorded


def test_a_trial_and_deleting(receiver: Receiver) -> None:
    ann, ben = acting(person("ann")), acting(person("ben"))
    made = hook(ann, receiver)
    execute(TryWebhook, ann, WebhookId=made["WebhookId"])
    with pytest.raises(KMSError):
        execute(TryWebhook, ben, WebhookId=made["WebhookId"])
    with pytest.raises(KMSError):
        execute(DeleteWebhook, ben, WebhookId=made["WebhookId"])
    work()
    assert json.loads(receiver.requests[0][2])["type"] == "trial"
    for _ in range(2):
        hook(ann, receiver)
    with pytest.raises(KMSError):
        hook(ann, receiver)
    execute(DeleteWebhook, ann, WebhookId=made["WebhookId"])
    assert not Delivery.objects.filter(webhook=made["WebhookId"]).exists()


def failure_of(receiver: Receiver) -> str:
    Delivery.objects.all().delete()
    row = outbox.message(ROOT.uin, "webhook", webhook=Webhook.objects.first())
    row.save(force_insert=True)
    assert work().tally.failed == 1
    return Delivery.objects.get().last_failure


def test_what_is_no_success_is_a_failure(receiver: Receiver) -> None:
    sub_account("makes the root user")
    hook(ROOT, receiver)
    for status in (301, 302, 307, 400, 404, 500):
        receiver.status = status
        receiver.location = f"https://{HOST}:{receiver.port}/elsewhere"
        assert failure_of(receiver) == f"status {status}"
    # No redirect was followed.
    assert {path for path, _, _ in receiver.requests} == {"/in?token=1"}


def test_a_receiver_that_is_away_holds_up_nobodys_messages(
    receiver: Receiver, later: Later
) -> None:
    ann, ben = acting(person("ann")), acting(person("ben"))
    away = "https://" + HOST + ":9/"
    execute(CreateWebhook, ann, Url=away)
    hook(ben, receiver)
    for principal in (ann, ben):
        subscribed(principal, Webhook=NEAR)
    for number in range(5):
        alarm(f"key-{number}")
    stint = work()
    assert len(receiver.requests) == 5
    # One attempt, and the others wait as long as this one.
    assert (stint.tally.done, stint.tally.failed) == (5, 1)
    waiting = Delivery.objects.filter(webhook__url=away)
    assert sorted(waiting.values_list("attempts", flat=True)) == [0, 0, 0, 0, 1]
    assert len(set(waiting.values_list("due_at", flat=True))) == 1
    assert work().tally.figures() == Stint().tally.figures()
    # It comes back: each arrives once, with nothing lost.
    place = f"https://{HOST}:{receiver.port}/late"
    Webhook.objects.filter(url=away).update(url=place)
    later(minutes=1)
    work()
    assert len(receiver.requests) == 10
    ids = [sent["webhook-id"] for _, sent, _ in receiver.requests]
    assert len(set(ids)) == 10


def test_what_waited_for_a_day_behind_another_message_ends_with_it(
    receiver: Receiver, later: Later
) -> None:
    ann = acting(person("ann"))
    execute(CreateWebhook, ann, Url=f"https://{HOST}:9/")
    subscribed(ann, Webhook=NEAR)
    for number in range(3):
        alarm(f"key-{number}")
    work()
    later(days=1, minutes=1)
    work()
    rows = Delivery.objects.all()
    assert {row.ended_at is not None for row in rows} == {True}
    assert {row.last_failure for row in rows} == {"connection"}


def test_a_run_whose_time_is_up_says_that_there_is_more(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = acting(person("ann"))
    mail_to(ann, mailbox)
    subscribed(ann, Mail=NEAR)
    for number in range(3):
        alarm(f"key-{number}")
    outbox.spread(Stint())
    left = iter([True, True, True, False])
    monkeypatch.setattr(Stint, "goes_on", lambda _: next(left, True))
    assert running.run(sweeps()["outbox"], seconds=10)[1]
    assert len(mailbox.messages) == 2
    assert not running.run(sweeps()["outbox"], seconds=10)[1]
    assert len(mailbox.messages) == 3


def test_a_receiver_that_trickles_is_cut_off(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sub_account("makes the root user")
    hook(ROOT, receiver)
    receiver.trickle = True
    # Once in the line of its status, once in its headers.
    for seconds in (0.5, 1.5):
        monkeypatch.setattr(webhook, "SECONDS", seconds)
        begun = time.monotonic()
        assert failure_of(receiver) in ("connection", "timeout")
        assert time.monotonic() - begun < seconds + 5


def test_a_certificate_of_another_authority_or_name_is_refused(
    receiver: Receiver,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    sub_account("makes the root user")
    hook(ROOT, receiver)
    Webhook.objects.update(url=f"https://other.test:{receiver.port}/")
    real = socket.getaddrinfo

    def look(host: Any, *more: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host == "other.test" else host, *more, **named)

    with monkeypatch.context() as named:
        named.setattr(socket, "getaddrinfo", look)
        assert failure_of(receiver) == "certificate"
    Webhook.objects.update(url=f"https://{HOST}:{receiver.port}/")
    make_certificates(tmp_path)
    settings.KMS_WEBHOOK_CA = tmp_path / "ca.pem"
    assert failure_of(receiver) == "certificate"
    assert receiver.requests == []


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere the second time changes nothing: it is asked once."""
    sub_account("makes the root user")
    hook(ROOT, receiver)
    asked = []
    real = socket.getaddrinfo

    def look(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host == HOST:
            asked.append(host)
        return real("127.0.0.1", port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look)
    row = outbox.message(ROOT.uin, "webhook", webhook=Webhook.objects.first())
    row.save(force_insert=True)
    work()
    assert asked == [HOST]
    assert len(receiver.requests) == 1


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "192.0.2.1",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "192.0.0.8",
    "192.88.99.1",
    "::127.0.0.1",
    "::a9fe:a9fe",
    "::ffff:0:10.0.0.1",
    "64:ff9b:1::a00:1",
    "fec0::1",
    "100::1",
    "5f00::1",
    "3fff::1",
    "2001:20::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_ones_own_networks_are_refused(
    address: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KMS_WEBHOOK_NETWORKS = ()
    assert not webhook.allowed(address)
    # One of several is enough: which one is asked then would be the name's choice.
    leads(monkeypatch, "1.1.1.1", address)
    place = webhook.place_of(f"https://{HOST}/")
    assert place is not None
    with pytest.raises(Failure, match="address"):
        webhook.resolve(place)


def test_public_and_listed_addresses_are_allowed(settings: Any) -> None:
    settings.KMS_WEBHOOK_NETWORKS = ()
    assert webhook.allowed("1.1.1.1")
    assert webhook.allowed("2606:4700:4700::1111")
    assert webhook.allowed("::ffff:1.1.1.1")
    settings.KMS_WEBHOOK_NETWORKS = (ip_network("10.1.0.0/16"), ip_network("fc00::/7"))
    assert webhook.allowed("10.1.2.3")
    assert webhook.allowed("::ffff:10.1.2.3")
    assert webhook.allowed("fc00::1")
    assert not webhook.allowed("10.2.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://",
        "https:///x",
        "//example.com/",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://@example.com/",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://exämple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nHost: other",
        "https://example.com/" + "a" * 1024,
        "javascript:alert(1)",
        "",
    ],
)
def test_addresses_that_are_no_webhook_are_refused(url: str) -> None:
    assert webhook.place_of(url) is None
    with pytest.raises(KMSError):
        execute(CreateWebhook, Url=url)


def test_old_messages_are_forgotten(later: Later) -> None:
    root = sub_account("makes the root user")
    row = outbox.message(root.uin, "mail")
    row.save(force_insert=True)
    work()
    later(days=29)
    outbox.forget(Stint())
    assert Delivery.objects.count() == 1
    later(days=2)
    outbox.forget(Stint())
    assert not Delivery.objects.exists()


def test_pages_lead_from_an_address_to_its_proof_and_show_what_became_of_messages(
    mailbox: Mailbox, receiver: Receiver
) -> None:
    client = signed_in()
    assert "No address yet" in words(client.get("/alarms/settings/"))
    client.post("/alarms/settings/address/", {"Address": "admin@b.test"})
    page = words(client.get("/alarms/settings/"))
    assert "Not confirmed: nothing is sent yet" in page
    assert "Code for the address" in page
    work()
    (code,) = re.findall(r"\d{8}", str(mailbox.messages[-1].get_payload()))
    wrong = client.post("/alarms/settings/code/", {"Code": "1"})
    assert "The code is wrong" in words(wrong)
    client.post("/alarms/settings/code/", {"Code": code})
    assert "Confirmed" in words(client.get("/alarms/settings/"))
    url = f"https://{HOST}:{receiver.port}/x"
    made = client.post("/alarms/settings/webhooks/create/", {"Url": url})
    assert made.headers["Cache-Control"] == "no-store"
    assert "whsec_" in made.content.decode()
    page = client.get("/alarms/settings/").content.decode()
    assert "whsec_" not in page
    assert url in page
    client.post("/alarms/settings/", {"Mail": NEAR, "Webhook": NEAR})
    alarm()
    receiver.status = 500
    work()
    page = words(client.get("/alarms/settings/"))
    assert "The other side answered 500." in page
    assert "Trying again" in page
    number = Webhook.objects.get().pk
    client.post(f"/alarms/settings/webhooks/{number}/try/")
    client.post(f"/alarms/settings/webhooks/{number}/delete/")
    assert "No webhook yet" in words(client.get("/alarms/settings/"))


def test_without_a_mail_server_the_page_says_so(settings: Any) -> None:
    settings.KMS_MAIL = False
    client = signed_in()
    assert "sends no mail" in words(client.get("/alarms/settings/"))
    answer = client.post("/alarms/settings/address/", {"Address": "a@b.test"})
    assert "This installation sends no mail" in words(answer)


def test_an_alarm_is_spread_once(mailbox: Mailbox) -> None:
    ann = acting(person())
    mail_to(ann, mailbox)
    subscribed(ann, Mail=NEAR)
    alarm()
    outbox.spread(Stint())
    Alarm.objects.update(spread_at=None)
    outbox.spread(Stint())
    assert Delivery.objects.filter(alarm__isnull=False).count() == 1
    later_due = clock.now() + timedelta(minutes=1)
    assert Delivery.objects.filter(due_at__lte=later_due).exists()
