"""Rights given directly: guardian's direct tables, with an end and an origin.

The only module that imports guardian. Its shortcuts know no deny and no expiry and are
not used: the evaluator reads these rows itself.
"""

from typing import ClassVar

from django.db import models
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from accessctl.models.identities import Account
from keys.models import CustomerMasterKey
from kmsconsole import clock


class GrantBase(models.Model):
    """Until when a right holds, and who gave it.

    `permission` names an operation or, as `role.NAME`, a role of accessctl/roles.py.
    `source` is empty, or names the access request that was agreed to.
    """

    expires_at = models.DateTimeField(null=True)
    source = models.CharField(max_length=64, default="", blank=True)
    granted_at = models.DateTimeField(default=clock.now)
    granted_by_uin = models.PositiveBigIntegerField()
    granted_by_name = models.CharField(max_length=64)

    class Meta:
        """Columns of four tables."""

        abstract = True


def _ends(name: str) -> models.Index:
    """Return the index that finds rights whose time is over."""
    dated = models.Q(expires_at__isnull=False)
    return models.Index(fields=["expires_at"], name=name, condition=dated)


class UserKeyGrant(GrantBase, UserObjectPermissionBase):
    """A right of one person on one key."""

    content_object = models.ForeignKey(CustomerMasterKey, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        """The same right stands once."""

        default_permissions = ()
        unique_together: ClassVar = [("user", "permission", "content_object")]
        indexes = (
            _ends("accessctl_user_key_ends"),
            # One person may have rights on many keys, and one key be many people's.
            models.Index(
                fields=["user", "content_object"], name="accessctl_user_key_both"
            ),
        )


class UserAccountGrant(GrantBase, UserObjectPermissionBase):
    """A right of one person on a whole account."""

    content_object = models.ForeignKey(Account, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        """The same right stands once."""

        default_permissions = ()
        unique_together: ClassVar = [("user", "permission", "content_object")]
        indexes = (_ends("accessctl_user_ends"),)


class GroupKeyGrant(GrantBase, GroupObjectPermissionBase):
    """A right of a group's members on one key."""

    content_object = models.ForeignKey(CustomerMasterKey, on_delete=models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        """The same right stands once."""

        default_permissions = ()
        unique_together: ClassVar = [("group", "permission", "content_object")]
        indexes = (
            _ends("accessctl_group_key_ends"),
            models.Index(
                fields=["group", "content_object"], name="accessctl_group_key_both"
            ),
        )


class GroupAccountGrant(GrantBase, GroupObjectPermissionBase):
    """A right of a group's members on a whole account."""

    content_object = models.ForeignKey(Account, on_delete=models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        """The same right stands once."""

        default_permissions = ()
        unique_together: ClassVar = [("group", "permission", "content_object")]
        indexes = (_ends("accessctl_group_ends"),)
