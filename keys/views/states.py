"""Enabling, disabling, archiving and keeping a key: each asks once."""

from typing import Any, ClassVar

from django.contrib import messages
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from keys.forms.details import ChangeStateForm
from keys.models import CustomerMasterKey
from keys.operations import (
    ArchiveKey,
    CancelKeyArchive,
    CancelKeyDeletion,
    ConfirmKeyDeletion,
    DisableKey,
    EnableKey,
)
from keys.states import KeyState
from keys.views.base import KeyView, OfferedView
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result


class ChangeStateView(OfferedView):
    """Puts a key into another state, after asking once.

    `question` names the key by `%(name)s`; `effect` is what changes, `comfort` why that
    is no reason to worry. A `hard` change is confirmed by the danger button.
    """

    form = ChangeStateForm
    template = "keys/change_state.html"
    question: ClassVar[str | Promise]
    effect: ClassVar[str | Promise]
    comfort: ClassVar[str | Promise] = ""
    button: ClassVar[str | Promise]
    hard: ClassVar[bool] = False
    # The states in which the button is worth showing.
    shown_in: ClassVar[tuple[KeyState, ...]]

    @classmethod
    def changes(cls, key: CustomerMasterKey) -> bool:
        """Offer only what the key is not already."""
        return key.state in cls.shown_in

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return what is asked."""
        return super().context(form) | {
            "label": self.label,
            "question": str(self.question) % {"name": self.key.alias},
            "effect": self.effect,
            "comfort": self.comfort,
            "button": self.button,
            "hard": self.hard,
        }


class EnableKeyView(ChangeStateView):
    """Lets a key be used again."""

    operation = EnableKey
    slug = "enable-key"
    label = gettext_lazy("Enable")
    icon = "power"
    done = gettext_lazy("The key is enabled.")
    question = gettext_lazy("Enable %(name)s?")
    effect = gettext_lazy(
        "From the next request on the key can be used again, by everybody who may "
        "use it."
    )
    button = gettext_lazy("Enable key")
    shown_in = (KeyState.DISABLED, KeyState.PENDING_DELETE, KeyState.PENDING_IMPORT)


class DisableKeyView(ChangeStateView):
    """Stops every use of a key."""

    operation = DisableKey
    slug = "disable-key"
    label = gettext_lazy("Disable")
    icon = "ban"
    done = gettext_lazy(
        "The key is disabled: nothing is encrypted or decrypted with it."
    )
    question = gettext_lazy("Disable %(name)s?")
    effect = gettext_lazy(
        "From the next request on nothing can be done with this key: applications "
        "that depend on it will fail."
    )
    comfort = gettext_lazy("Nothing is lost, and you can enable it again at any time.")
    button = gettext_lazy("Disable key")
    hard = True
    shown_in = (KeyState.ENABLED,)


class ArchiveKeyView(ChangeStateView):
    """Lets a key decrypt only."""

    operation = ArchiveKey
    slug = "archive-key"
    label = gettext_lazy("Archive")
    icon = "layers"
    folded = True
    done = gettext_lazy("The key is archived: it decrypts, but no longer encrypts.")
    question = gettext_lazy("Archive %(name)s?")
    effect = gettext_lazy(
        "From the next request on the key decrypts what it encrypted, but encrypts "
        "nothing new. Applications that still encrypt with it will fail."
    )
    comfort = gettext_lazy(
        "For keys that are being replaced. You can unarchive it at any time."
    )
    button = gettext_lazy("Archive key")
    shown_in = tuple(state for state in KeyState if state is not KeyState.ARCHIVED)


class CancelKeyArchiveView(ChangeStateView):
    """Lets an archived key encrypt again."""

    operation = CancelKeyArchive
    slug = "cancel-key-archive"
    label = gettext_lazy("Unarchive")
    icon = "power"
    done = gettext_lazy("The key is enabled: it encrypts and decrypts.")
    question = gettext_lazy("Unarchive %(name)s?")
    effect = gettext_lazy(
        "The key becomes enabled: it encrypts again, for everybody who may use it."
    )
    button = gettext_lazy("Unarchive key")
    shown_in = (KeyState.ARCHIVED,)


class ConfirmKeyDeletionView(ChangeStateView):
    """Lets a held deletion run."""

    operation = ConfirmKeyDeletion
    slug = "confirm-key-deletion"
    label = gettext_lazy("Confirm deletion")
    icon = "triangle-alert"
    question = gettext_lazy("Destroy %(name)s in spite of the attempts to use it?")
    effect = gettext_lazy(
        "The deletion is no longer held. The key is destroyed on its date, at the "
        "earliest in 24 hours; further attempts only raise alarms."
    )
    comfort = gettext_lazy("Until then you can still cancel the deletion.")
    button = gettext_lazy("Confirm deletion")
    hard = True
    shown_in = (KeyState.PENDING_DELETE,)
    in_banner = True
    done = gettext_lazy("The deletion is confirmed.")


class CancelKeyDeletionView(ChangeStateView):
    """Keeps a key that was to be destroyed."""

    operation = CancelKeyDeletion
    slug = "cancel-key-deletion"
    label = gettext_lazy("Cancel deletion")
    icon = "life-buoy"
    question = gettext_lazy("Keep %(name)s?")
    effect = gettext_lazy(
        "The key will not be destroyed. It does not go back to work by itself: a key "
        "with its material becomes disabled, one without waits for material again."
    )
    button = gettext_lazy("Keep the key")
    shown_in = (KeyState.PENDING_DELETE,)
    # Its button stands in the banner that says what it rescues from.
    in_banner = True

    def after(self, result: Result) -> str:
        """Say which state the key returned to."""
        key: CustomerMasterKey = result.resources[0]
        text = (
            gettext("The deletion is cancelled. The key is disabled; enable it to use.")
            if key.state == KeyState.DISABLED
            else gettext("The deletion is cancelled. The key waits for its material.")
        )
        messages.success(self.request, text)
        return KeyView.after(self, result)
