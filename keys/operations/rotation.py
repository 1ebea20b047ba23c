"""Rotation: a new version of the material, while every older one goes on decrypting."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from django.conf import settings
from pydantic import Field

from keys import custody
from keys.errors import (
    CmkStateNotSupport,
    RotateRateLimited,
    RotateTaskRunning,
    RotationIsOff,
)
from keys.models import CustomerMasterKey, KeyVersion
from keys.operations.base import KeyInput, KeyOperation, Revision
from kmsconsole import clock, randomness
from kmsconsole.inputs import WholeNumber
from kmsconsole.operations import Effect, Scope

LEAST_DAYS, MOST_DAYS, USUAL_DAYS = 7, 365, 365


class EnableKeyRotationInput(KeyInput):
    """How many days a version encrypts before the next one is made."""

    rotate_days: Annotated[WholeNumber, Field(ge=LEAST_DAYS, le=MOST_DAYS)] = USUAL_DAYS
    expected_revision: Revision = None


class EnableKeyRotation(KeyOperation):
    """Rotate a key from now on, every so many days; asking again changes nothing."""

    effect = Effect.CHANGE
    audited_fields = ("rotate_days",)
    Input = EnableKeyRotationInput

    def perform(self, data: EnableKeyRotationInput) -> dict[str, Any]:
        """Begin a period today, unless this very period is running already."""
        self.refuse_stale(data.expected_revision)
        key = self.key
        if key.rotation_enabled and key.rotate_days == data.rotate_days:
            return {}
        key.rotation_enabled = True
        key.rotate_days = data.rotate_days
        key.next_rotation_at = key.rotation_after(clock.now())
        self.save(key, "rotation_enabled", "rotate_days", "next_rotation_at")
        return {}


class DisableKeyRotation(KeyOperation):
    """Stop rotating a key by itself."""

    effect = Effect.CHANGE

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Keep the number of days for another time."""
        key = self.key
        if key.rotation_enabled:
            key.rotation_enabled = False
            key.next_rotation_at = None
            self.save(key, "rotation_enabled", "next_rotation_at")
        return {}


class GetKeyRotationStatus(KeyOperation):
    """Whether a key rotates by itself."""

    effect = Effect.READ

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Return yes or no."""
        return {"KeyRotationEnabled": self.key.rotation_enabled}


class _Rotating(KeyOperation):
    """Makes a new version; it encrypts from the answer on."""

    effect = Effect.CHANGE

    def prepare(self, data: Any) -> None:
        """Let the HSM make the material of the next version."""
        # The one that was there when the limit was asked: whoever comes second is told.
        primary = self.key.primary_version
        assert primary is not None
        newest: KeyVersion = self.key.versions.get(number=primary)
        self.number = primary + 1
        self.wrapped = custody.keyring().generate(
            newest.spec, custody.identity_of(self.key, self.number, newest.spec)
        )

    def perform(self, data: Any) -> dict[str, Any]:
        """Store it, and encrypt with it from now on."""
        key, uin = self.key, self.call.principal.uin
        if key.versions.filter(number__gte=self.number).exists():
            raise RotateTaskRunning
        version = custody.new_version(key, self.number, self.wrapped, uin)
        version.save(force_insert=True)
        key.primary_version = self.number
        key.last_rotated_at = version.created_at
        key.next_rotation_at = self.following(version.created_at)
        self.save(key, "primary_version", "last_rotated_at", "next_rotation_at")
        return {"TaskId": str(randomness.uuid4())}

    def following(self, moment: datetime) -> datetime | None:
        """Return when the key rotates next, having rotated at a moment."""
        raise NotImplementedError

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the key and, once there is one, its new version."""
        if not isinstance(resource, CustomerMasterKey):
            return None, None
        return str(resource.id), resource.primary_version if self.changing else None


class RotateKey(_Rotating):
    """Make a new version now; it encrypts from the answer on. A new period begins."""

    def check(self, data: Any) -> None:
        """Refuse a key whose rotation is off, and one rotated by hand too recently."""
        super().check(data)
        if not self.key.rotation_enabled:
            raise RotationIsOff
        if self.changing:
            # The limit was asked before; whoever was faster since is told apart.
            return
        hours = settings.KMS_MANUAL_ROTATION_HOURS
        recently = clock.now() - timedelta(hours=hours)
        by_hand = self.key.versions.filter(number__gt=1, created_at__gt=recently)
        if by_hand.exclude(creator_uin=0).exists():
            raise RotateRateLimited(hours=hours)

    def following(self, moment: datetime) -> datetime:
        """Return the end of a whole period."""
        return self.key.rotation_after(moment)


class RotateDueKey(_Rotating):
    """Make a new version because it is time. The scheduler's own operation.

    Time is when the key's date has passed, or when its version nears the number of
    encryptions it may make; then also where rotation is off, and off it stays. The
    calendar stays, too: however late this is, the next date is a whole number of
    periods after the one that was due.
    """

    api = False
    scope = Scope.SYSTEM

    def check(self, data: Any) -> None:
        """Refuse a key whose date has not come, or was moved."""
        super().check(data)
        key = self.key
        if key.rotation_enabled and _passed(key.next_rotation_at):
            self.details["Because"] = "date"
        elif key.worn:
            self.details["Because"] = "encryptions"
        else:
            raise CmkStateNotSupport

    def following(self, moment: datetime) -> datetime | None:
        """Return the first date of the calendar that is still to come."""
        due = self.key.next_rotation_at
        if due is None or due > moment:
            return due
        period = timedelta(days=self.key.rotate_days)
        return due + period * ((moment - due) // period + 1)


def _passed(moment: datetime | None) -> bool:
    return moment is not None and moment <= clock.now()
