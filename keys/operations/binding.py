"""What cloud products encrypt with a key guards it against being taken away."""

from collections.abc import Iterable

from keys.errors import CmkUsedByCloudProduct
from keys.models import CustomerMasterKey, ResourceBinding


def refuse_bound(keys: Iterable[CustomerMasterKey]) -> None:
    """Refuse keys that a cloud product's resources depend on."""
    if ResourceBinding.objects.filter(key__in=[key.id for key in keys]).exists():
        raise CmkUsedByCloudProduct
