"""Requests for access, and what was decided."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accessctl.models.identities import Account, User
from kmsconsole import clock


class RequestState(models.TextChoices):
    """Where a request stands."""

    OPEN = "open", _("Open")
    GRANTED = "granted", _("Granted")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class AccessRequest(models.Model):
    """Somebody asks for a right on one key, for a while.

    The key is named by value: that somebody may ask for it tells nothing about
    whether it exists.
    """

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="requests"
    )
    requester = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="requests"
    )
    right = models.CharField(max_length=64)
    region = models.CharField(max_length=32)
    key_id = models.UUIDField()
    hours = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=255)
    state = models.CharField(
        max_length=16, choices=RequestState.choices, default=RequestState.OPEN
    )
    created_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True)
    decided_by_uin = models.PositiveBigIntegerField(null=True)
    decided_by_name = models.CharField(max_length=64, default="", blank=True)
    answer = models.CharField(max_length=255, default="", blank=True)
    until = models.DateTimeField(null=True)

    class Meta:
        """Open requests of an account are what is looked for."""

        default_permissions = ()
        indexes = (
            models.Index(
                fields=["account", "state", "created_at"], name="accessctl_request"
            ),
        )

    def __str__(self) -> str:
        return f"{self.right} on {self.key_id} for {self.requester_id}"

    @property
    def account_uin(self) -> int:
        """The account this belongs to."""
        return int(self.account_id)
