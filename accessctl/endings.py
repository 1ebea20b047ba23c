"""What ends together with something else."""

from accessctl.models import GroupKeyGrant, UserKeyGrant
from keys.models import CustomerMasterKey


def forget_key(key: CustomerMasterKey) -> None:
    """Take away every right on a key that is being destroyed."""
    for grants in (UserKeyGrant, GroupKeyGrant):
        grants.objects.filter(content_object=key).delete()
