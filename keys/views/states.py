"""Enabling, disabling and archiving: each asks once."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy

from keys.forms.base import WireForm
from keys.forms.details import ChangeStateForm
from keys.models import CustomerMasterKey
from keys.operations import DisableKey, EnableKey
from keys.states import KeyState
from keys.views.base import OfferedView


class ChangeStateView(OfferedView):
    """Enables or disables, after asking once."""

    form = ChangeStateForm
    template = "keys/change_state.html"
    target: ClassVar[KeyState]

    @classmethod
    def changes(cls, key: CustomerMasterKey) -> bool:
        """Offer only what the key is not already."""
        return key.state != cls.target

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return which way."""
        return super().context(form) | {"operation": self.operation.__name__}


class EnableKeyView(ChangeStateView):
    """Lets a key be used again."""

    operation = EnableKey
    target = KeyState.ENABLED
    slug = "enable-key"
    label = gettext_lazy("Enable")
    icon = "power"
    done = gettext_lazy("The key is enabled.")


class DisableKeyView(ChangeStateView):
    """Stops every use of a key."""

    operation = DisableKey
    target = KeyState.DISABLED
    slug = "disable-key"
    label = gettext_lazy("Disable")
    icon = "ban"
    done = gettext_lazy(
        "The key is disabled: nothing is encrypted or decrypted with it."
    )
