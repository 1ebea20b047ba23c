"""Alarms, who has read them, who wants them where, and what is still to be sent."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from kmsconsole import randomness
from kmsconsole.alarms.kinds import AlarmKind


class Alarm(models.Model):
    """Something people have to know. Raised once, whoever notices it how often.

    `once` names the occasion. Accounts and keys are named by value, as in the audit:
    an alarm outlives what it is about. Without an account it is about the whole
    installation. `details` is JSON without secrets.
    """

    once = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=32, choices=AlarmKind.choices)
    account_uin = models.PositiveBigIntegerField(null=True)
    region = models.CharField(max_length=32, blank=True)
    key_id = models.UUIDField(null=True)
    key_name = models.CharField(max_length=60, blank=True)
    at = models.DateTimeField()
    details = models.TextField(default="{}")
    # When it was decided to whom it is sent.
    spread_at = models.DateTimeField(null=True)

    class Meta:
        """Walked by number, within an account or without one."""

        default_permissions = ()
        indexes: ClassVar = [
            models.Index(fields=["account_uin", "id"], name="alarms_account"),
            models.Index(
                fields=["id"],
                name="alarms_unspread",
                condition=Q(spread_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"


class Watch(models.Model):
    """How far something that is watched has been looked at, as a number of its own."""

    name = models.CharField(primary_key=True, max_length=32)
    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        """One row a thing that is watched."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class ReadUntil(models.Model):
    """Up to which alarm a person has read everything."""

    person_uin = models.PositiveBigIntegerField(primary_key=True)
    alarm_number = models.PositiveBigIntegerField()

    class Meta:
        """One row a person, and it only counts up."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.person_uin} up to {self.alarm_number}"


class AlarmRead(models.Model):
    """A single alarm that a person has read; rows behind their ReadUntil are gone."""

    person_uin = models.PositiveBigIntegerField()
    alarm = models.ForeignKey(Alarm, on_delete=models.CASCADE, related_name="readings")

    class Meta:
        """Reading twice is harmless."""

        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person_uin", "alarm"], name="alarms_read_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_uin} {self.alarm_id}"


class DeletionHold(models.Model):
    """A deletion that waits for somebody's decision, and who is why.

    Once it was confirmed, `runs_at` says from when on the key may be destroyed.
    """

    key_id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    attempt_number = models.PositiveBigIntegerField()
    attempted_at = models.DateTimeField()
    operation = models.CharField(max_length=64)
    caller_uin = models.PositiveBigIntegerField()
    caller_name = models.CharField(max_length=64)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by_uin = models.PositiveBigIntegerField(null=True)
    confirmed_by_name = models.CharField(max_length=64, blank=True)
    runs_at = models.DateTimeField(null=True)

    class Meta:
        """One row a key, gone with its waiting period."""

        default_permissions = ()
        indexes: ClassVar = [
            models.Index(
                fields=["runs_at"],
                name="alarms_hold_runs",
                condition=Q(runs_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.key_id)


class Channel(models.TextChoices):
    """How an alarm leaves the console."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class Subscription(models.Model):
    """A person wants one kind of alarm by one channel, beside the console."""

    person_uin = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=32, choices=AlarmKind.choices)
    channel = models.CharField(max_length=8, choices=Channel.choices)

    class Meta:
        """Once is enough."""

        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "channel", "person_uin"], name="alarms_subscribed_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_uin} {self.kind} {self.channel}"


class MailAddress(models.Model):
    """Where a person's mail goes, once they have shown that they read it there.

    `nonce` and the address make the code that proves it; `tries` counts wrong ones.
    """

    person_uin = models.PositiveBigIntegerField(primary_key=True)
    address = models.CharField(max_length=254)
    language = models.CharField(max_length=16, default="en")
    nonce = models.CharField(max_length=32)
    asked_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)

    class Meta:
        """One address a person."""

        default_permissions = ()

    def __str__(self) -> str:
        return str(self.person_uin)


class Webhook(models.Model):
    """An address of a person's that signed alarms are posted to.

    The secret is sealed under the HSM's data key and shown once.
    """

    id = models.UUIDField(primary_key=True, default=randomness.uuid4, editable=False)
    person_uin = models.PositiveBigIntegerField()
    url = models.CharField(max_length=1024)
    sealed_secret = models.BinaryField()
    data_key_epoch = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    last_sent_at = models.DateTimeField(null=True)
    last_failure = models.CharField(max_length=200, blank=True)

    class Meta:
        """A few a person."""

        default_permissions = ()
        indexes: ClassVar = [
            models.Index(fields=["person_uin"], name="alarms_webhooks_of")
        ]

    def __str__(self) -> str:
        return str(self.id)


class Delivery(models.Model):
    """One message to one place: the outbox.

    Sent at least once; `id` is the same every time, so that a receiver can tell a
    repeated one. Without an alarm it is a trial, or the code for an address. Whoever
    sends takes the row by moving `due_at` on.
    """

    id = models.UUIDField(primary_key=True, default=randomness.uuid4, editable=False)
    alarm = models.ForeignKey(Alarm, null=True, on_delete=models.CASCADE)
    person_uin = models.PositiveBigIntegerField()
    channel = models.CharField(max_length=8, choices=Channel.choices)
    webhook = models.ForeignKey(Webhook, null=True, on_delete=models.CASCADE)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    last_failure = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """Due ones are found by index; an alarm goes to a place once."""

        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                F("alarm"),
                F("person_uin"),
                condition=Q(channel=Channel.MAIL, alarm__isnull=False),
                name="alarms_mailed_once",
            ),
            models.UniqueConstraint(
                F("alarm"),
                F("webhook"),
                condition=Q(channel=Channel.WEBHOOK, alarm__isnull=False),
                name="alarms_posted_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                name="alarms_delivery_due",
                condition=Q(ended_at__isnull=True),
            ),
            models.Index(
                fields=["person_uin", "-created_at"], name="alarms_delivery_of"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.id}"
