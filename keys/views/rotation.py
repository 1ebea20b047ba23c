"""Rotation: by itself every so many days, and by hand."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from keys.forms.details import ChangeStateForm
from keys.forms.rotation import EnableKeyRotationForm
from keys.models import CustomerMasterKey
from keys.operations import (
    DisableKeyRotation,
    EnableKeyRotation,
    RotateKey,
)
from keys.operations.rotation import LEAST_DAYS, MOST_DAYS
from keys.states import KeyKind, KeyState, next_state
from keys.views.base import OfferedView
from kmsconsole import clock
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result

ROTATING = (KeyKind.GENERATED, KeyKind.CLOUD)


class RotationView(OfferedView):
    """Changes how a key rotates, after asking once; leads back to its versions."""

    @classmethod
    def changes(cls, key: CustomerMasterKey) -> bool:
        """Offer nothing for keys of a kind that never rotates."""
        return key.kind in ROTATING

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Refuse a key that never rotates, instead of asking about it."""
        next_state(self.operation.__name__, KeyState.ENABLED, self.key.kind)
        return super().dispatch(request, *args, **kwargs)

    def after(self, result: Result) -> str:
        """Say that it is done."""
        super().after(result)
        return reverse("keys:operation", args=[self.key_id, "rotation"])


class EnableKeyRotationView(RotationView):
    """Turns on automatic rotation, or changes its period."""

    operation = EnableKeyRotation
    form = EnableKeyRotationForm
    template = "keys/enable_rotation.html"
    slug = "enable-key-rotation"
    label = gettext_lazy("Turn on rotation")
    icon = "rotate-cw"
    done = gettext_lazy("The key rotates by itself.")

    def initial(self) -> dict[str, Any]:
        """Return the present number of days."""
        return {"RotateDays": self.key.rotate_days}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the limits, and when the period would end."""
        return super().context(form) | {
            "least": LEAST_DAYS,
            "most": MOST_DAYS,
            "next": self.key.rotation_after(clock.now()),
        }


class DisableKeyRotationView(RotationView):
    """Turns off automatic rotation."""

    operation = DisableKeyRotation
    form = ChangeStateForm
    template = "keys/disable_rotation.html"
    slug = "disable-key-rotation"
    label = gettext_lazy("Turn off rotation")
    icon = "ban"
    done = gettext_lazy("The key no longer rotates by itself.")


class RotateKeyView(RotationView):
    """Makes a new version now."""

    operation = RotateKey
    form = ChangeStateForm
    template = "keys/rotate.html"
    slug = "rotate-key"
    label = gettext_lazy("Rotate now")
    icon = "rotate-cw"
    done = gettext_lazy("The key was rotated: its new version encrypts from now on.")

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return which version comes and how often that may be asked for."""
        return super().context(form) | {
            "following": (self.key.primary_version or 0) + 1,
            "hours": settings.KMS_MANUAL_ROTATION_HOURS,
        }
