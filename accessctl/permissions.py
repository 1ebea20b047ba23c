"""Permission rows: one for each operation and role that a right can be given on."""

from functools import cache
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from accessctl.models import Account
from accessctl.roles import grantable, roles
from keys.models import CustomerMasterKey
from kmsconsole.operations import Scope


@cache
def rights_on_key() -> tuple[str, ...]:
    """Return the operations and roles that can be given on one key."""
    operations = (
        name for name, operation in grantable().items() if operation.scope is Scope.KEY
    )
    return (*operations, *(role.right for role in roles().values()))


def make_permission_rows(**_signal: Any) -> None:
    """Add the rows that are missing; rows of operations that ended stay legible."""
    on_account = [*grantable(), *(role.right for role in roles().values())]
    on_key = rights_on_key()
    for model, rights in ((Account, on_account), (CustomerMasterKey, on_key)):
        content_type = ContentType.objects.get_for_model(model)
        present = set(
            Permission.objects.filter(content_type=content_type).values_list(
                "codename", flat=True
            )
        )
        Permission.objects.bulk_create(
            Permission(content_type=content_type, codename=right, name=right)
            for right in rights
            if right not in present
        )
