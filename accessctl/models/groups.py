"""Groups of an account. Django's own groups know no account: each of ours owns one."""

from django.contrib.auth.models import Group as DjangoGroup
from django.db import models
from django.db.models.functions import Lower

from accessctl.models.identities import Account, User
from kmsconsole import clock


class Group(models.Model):
    """People of one account who are given rights together.

    `auth_group` is what guardian's tables refer to; its name is a UUID, so that two
    accounts may use the same name.
    """

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="groups"
    )
    auth_group = models.OneToOneField(
        DjangoGroup, on_delete=models.PROTECT, related_name="owner"
    )
    name = models.CharField(max_length=64)
    remark = models.CharField(max_length=255, default="", blank=True)
    members = models.ManyToManyField(
        User, through="Membership", related_name="memberships"
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        """A name belongs to one group of an account."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                "account", Lower("name"), name="accessctl_group_name_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} · {self.account_id}"

    @property
    def account_uin(self) -> int:
        """The account this belongs to."""
        return int(self.account_id)


class Membership(models.Model):
    """One person in one group; both are of the same account."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)

    class Meta:
        """Nobody is in a group twice."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["user", "group"], name="accessctl_member_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id}"
