"""The state machine of a key, as one table.

For each operation on a key the table says, state by state, which state follows or
which error refuses. What is not in the table is refused.
"""

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from keys.errors import (
    CmkArchived,
    CmkDisabled,
    CmkStateNotSupport,
    KeyPendingDelete,
)
from kmsconsole.errors import KMSError


class KeyState(TextChoices):
    """States of the source product, and the tombstone of a destroyed key."""

    ENABLED = "Enabled", _("Enabled")
    DISABLED = "Disabled", _("Disabled")
    PENDING_DELETE = "PendingDelete", _("Pending deletion")
    PENDING_IMPORT = "PendingImport", _("Waiting for material")
    ARCHIVED = "Archived", _("Archived")
    DESTROYED = "Destroyed", _("Destroyed")


Rule = KeyState | type[KMSError]

_E, _D, _P, _I, _A = (
    KeyState.ENABLED,
    KeyState.DISABLED,
    KeyState.PENDING_DELETE,
    KeyState.PENDING_IMPORT,
    KeyState.ARCHIVED,
)
_NO = CmkStateNotSupport
_ANY: Mapping[KeyState, Rule] = {_E: _E, _D: _D, _P: _P, _I: _I, _A: _A}
_ENABLE: Mapping[KeyState, Rule] = {_E: _E, _D: _E, _P: _NO, _I: _NO, _A: _NO}
_DISABLE: Mapping[KeyState, Rule] = {_E: _D, _D: _D, _P: _NO, _I: _NO, _A: _NO}
_EDIT: Mapping[KeyState, Rule] = {**_ANY, _P: _NO}
_ENCRYPT: Mapping[KeyState, Rule] = {
    _E: _E,
    _D: CmkDisabled,
    _P: CmkDisabled,
    _I: CmkDisabled,
    _A: CmkArchived,
}
_DECRYPT: Mapping[KeyState, Rule] = {**_ENCRYPT, _A: _A}

RULES: Mapping[str, Mapping[KeyState, Rule]] = {
    "DescribeKey": _ANY,
    "DescribeKeys": _ANY,
    "UpdateAlias": _EDIT,
    "UpdateKeyDescription": _EDIT,
    "EnableKey": _ENABLE,
    "EnableKeys": _ENABLE,
    "DisableKey": _DISABLE,
    "DisableKeys": _DISABLE,
    "Encrypt": _ENCRYPT,
    "GenerateDataKey": {**_ENCRYPT, _P: KeyPendingDelete},
    "Decrypt": _DECRYPT,
    "ReEncrypt": _DECRYPT,
}


def next_state(operation: str, state: str) -> KeyState:
    """Return the state that follows; raises the error the table names otherwise."""
    rule = RULES.get(operation, {}).get(KeyState(state), CmkStateNotSupport)
    if isinstance(rule, KeyState):
        return rule
    raise rule
