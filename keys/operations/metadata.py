"""Keys as the API shows them."""

from datetime import datetime, timedelta
from typing import Any

from keys.models import CustomerMasterKey

_FIPS_TYPE = 2


def unix(moment: datetime | None) -> int:
    """Return Unix seconds; 0 stands for never, as the API has it."""
    return int(moment.timestamp()) if moment else 0


def metadata(key: CustomerMasterKey) -> dict[str, Any]:
    """Return the API's KeyMetadata of a key."""
    planned = key.next_rotation_at or key.created_at + timedelta(days=key.rotate_days)
    return {
        "KeyId": str(key.id),
        "Alias": key.alias,
        "CreateTime": unix(key.created_at),
        "Description": key.description,
        "KeyState": key.state,
        "KeyUsage": key.usage,
        "Type": _FIPS_TYPE,
        "CreatorUin": key.creator_uin,
        "KeyRotationEnabled": key.rotation_enabled,
        "Owner": key.owner,
        "NextRotateTime": unix(planned),
        "DeletionDate": unix(key.deletion_date),
        "Origin": key.origin,
        "ValidTo": unix(key.material_valid_to),
        "ResourceId": f"creatorUin/{key.creator_uin}/{key.id}",
        "HsmClusterId": "",
        "RotateDays": key.rotate_days,
        "LastRotateTime": unix(key.last_rotated_at),
    }
