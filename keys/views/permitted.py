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
    call = call.glance(())
    found: dict[str, frozenset[UUID]] = {}
    some: list[type[Operation]] = []
    keys: list[CustomerMasterKey] = []
    for operation in operations:
        if call.sees_all(operation):
            found[operation.__name__] = asked
        else:
            some.append(operation)
    if some:
        keys = list(CustomerMasterKey.objects.filter(id__in=asked))
        call = call.glance(keys)
    for operation in some:
        allowed = (key.id for key in keys if call.decide(operation, key).allowed)
        found[operation.__name__] = frozenset(allowed)
    return found
