"""The states of a hosted data key, as one table beside that of its key.

What the key's own state forbids stands in `keys.states`, under the same names.
docs/states.md prints both.
"""

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from keys.datakeys.errors import (
    DataKeyDisabled,
    DataKeyNotPendingDelete,
    DataKeyPendingDelete,
    DataKeyStateNotSupport,
)
from kmsconsole.errors import KMSError


class DataKeyState(TextChoices):
    """States of the source product; a destroyed data key has no row any more."""

    ENABLED = "Enabled", _("Enabled")
    DISABLED = "Disabled", _("Disabled")
    PENDING_DELETE = "PendingDelete", _("Pending deletion")


Rule = DataKeyState | type[KMSError]
_E, _D, _P = DataKeyState
_NO = DataKeyStateNotSupport


def _states(*rules: Rule) -> Mapping[DataKeyState, Rule]:
    return dict(zip(DataKeyState, rules, strict=True))


_ANY = _states(_E, _D, _P)
_EDIT = _states(_E, _D, _NO)
_ENABLING = _states(_E, _E, _NO)
_DISABLING = _states(_D, _D, _NO)

RULES: Mapping[str, Mapping[DataKeyState, Rule]] = {
    "DescribeDataKey": _ANY,
    "DescribeDataKeys": _ANY,
    "UpdateDataKeyName": _EDIT,
    "UpdateDataKeyDescription": _EDIT,
    "EnableDataKey": _ENABLING,
    "EnableDataKeys": _ENABLING,
    "DisableDataKey": _DISABLING,
    "DisableDataKeys": _DISABLING,
    "GetDataKeyPlaintext": _states(_E, DataKeyDisabled, DataKeyPendingDelete),
    "GetDataKeyCiphertextBlob": _states(_E, _NO, _NO),
    "ScheduleDataKeyDeletion": _states(_NO, _P, _NO),
    "CancelDataKeyDeletion": _states(
        DataKeyNotPendingDelete, DataKeyNotPendingDelete, _D
    ),
    "DestroyDataKey": _states(_NO, _NO, _P),
}


def next_data_key_state(operation: str, state: str) -> DataKeyState:
    """Return the state that follows; raises the error the table names otherwise."""
    rule = RULES.get(operation, {}).get(DataKeyState(state), _NO)
    if isinstance(rule, DataKeyState):
        return rule
    raise rule
