"""Which of the keys on a page the reader may do something with, in few questions."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from keys.models import CustomerMasterKey
from kmsconsole.operations import Operation
from kmsconsole.principals import Call


def permitted(
    call: Call, operations: Iterable[type[Operation]], ids: Iterable[UUID]
) -> Mapping[str, frozenset[UUID]]:
    """Return the keys that each operation is allowed on, by the operation's name."""
    asked = frozenset(ids)
    found = {}
    for operation in operations:
        if call.sees_all(operation):
            found[operation.__name__] = asked
            continue
        keys = CustomerMasterKey.objects.filter(id__in=asked)
        rows = call.visible(operation, keys).values_list("id", flat=True)
        found[operation.__name__] = frozenset(rows)
    return found
