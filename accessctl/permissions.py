"""Permission rows: one for each operation, named after it."""

from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from keys.models import CustomerMasterKey
from kmsconsole.operations import registry


def make_permission_rows(**_signal: Any) -> None:
    """Add the rows that are missing; rows of operations that ended stay legible."""
    content_type = ContentType.objects.get_for_model(CustomerMasterKey)
    present = set(
        Permission.objects.filter(content_type=content_type).values_list(
            "codename", flat=True
        )
    )
    Permission.objects.bulk_create(
        Permission(content_type=content_type, codename=name, name=name)
        for name, operation in registry().items()
        if name not in present and not operation.by_operator
    )
