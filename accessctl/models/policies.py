"""Policy documents, and whom they are attached to."""

from django.db import models
from django.db.models.functions import Lower

from accessctl.models.groups import Group
from accessctl.models.identities import Account, User
from kmsconsole import clock


class Policy(models.Model):
    """A document in the version 2.0 policy language, as it was sent."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="policies"
    )
    name = models.CharField(max_length=64)
    remark = models.CharField(max_length=255, default="", blank=True)
    document = models.TextField()
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        """A name belongs to one policy of an account."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                "account", Lower("name"), name="accessctl_policy_name_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} · {self.account_id}"

    @property
    def account_uin(self) -> int:
        """The account this belongs to."""
        return int(self.account_id)


class PolicyAttachment(models.Model):
    """A policy, the account's own or a predefined one, on one person or group."""

    policy = models.ForeignKey(
        Policy, on_delete=models.CASCADE, null=True, related_name="attachments"
    )
    predefined = models.CharField(max_length=64, default="", blank=True)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="attachments"
    )
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, null=True, related_name="attachments"
    )
    attached_at = models.DateTimeField(default=clock.now)
    attached_by_uin = models.PositiveBigIntegerField()
    attached_by_name = models.CharField(max_length=64)

    class Meta:
        """One policy, one holder, once."""

        default_permissions = ()
        constraints = (
            models.CheckConstraint(
                condition=models.Q(policy__isnull=False, predefined="")
                | (models.Q(policy__isnull=True) & ~models.Q(predefined="")),
                name="accessctl_attachment_policy",
            ),
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, group__isnull=True)
                | models.Q(user__isnull=True, group__isnull=False),
                name="accessctl_attachment_holder",
            ),
            *(
                models.UniqueConstraint(
                    fields=[holder, which],
                    condition=models.Q(**{f"{holder}__isnull": False})
                    & (
                        models.Q(policy__isnull=False)
                        if which == "policy"
                        else models.Q(policy__isnull=True)
                    ),
                    name=f"accessctl_{holder}_{which}_once",
                )
                for holder in ("user", "group")
                for which in ("policy", "predefined")
            ),
        )

    def __str__(self) -> str:
        return f"{self.predefined or self.policy_id} on {self.user_id or self.group_id}"
