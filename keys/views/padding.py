"""Old padding for RSA decryption: off until somebody takes the risk for one key."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.utils.translation import gettext, gettext_lazy

from keys.forms.padding import NO, YES, LegacyPaddingForm
from keys.models import CustomerMasterKey
from keys.operations import AllowLegacyPadding
from keys.states import KeyKind
from keys.switches import LegacyPadding
from keys.views.base import KeyView, OfferedView
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.principals import names_of


def switch_of(key: CustomerMasterKey) -> LegacyPadding | None:
    """Return who allowed the padding for this key, and when; None where it is off."""
    return LegacyPadding.objects.filter(key=key.id).first()


class AllowLegacyPaddingView(OfferedView):
    """Allows PKCS#1 v1.5 for a key pair that decrypts, or stops it."""

    operation = AllowLegacyPadding
    form = LegacyPaddingForm
    template = "keys/legacy_padding.html"
    slug = "allow-legacy-padding"
    label = gettext_lazy("PKCS#1 v1.5 decryption")
    icon = "sliders"

    @classmethod
    def changes(cls, key: CustomerMasterKey) -> bool:
        """Offer it for pairs that decrypt."""
        return key.kind is KeyKind.DECRYPTING

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Know no such page for a key of another kind."""
        if not self.changes(self.key):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def initial(self) -> dict[str, Any]:
        """Ask for the opposite of what is."""
        return {"Allowed": NO if switch_of(self.key) else YES}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return which of the two is asked."""
        return super().context(form) | {"allows": form["Allowed"].value() == YES}

    def after(self, result: Result) -> str:
        """Say which of the two was done."""
        if self.request.POST.get("Allowed") == YES:
            text = gettext("The key decrypts PKCS#1 v1.5 from now on.")
            messages.warning(self.request, text)
        else:
            text = gettext("The key no longer decrypts PKCS#1 v1.5.")
            messages.success(self.request, text)
        return KeyView.after(self, result)


def padding_of(view: KeyView) -> dict[str, Any]:
    """Return the switch and its button for the overview; nothing for other kinds."""
    key = view.key
    if not AllowLegacyPaddingView.changes(key):
        return {}
    switch = switch_of(key)
    uin = switch.allowed_by_uin if switch else 0
    return {
        "padding": AllowLegacyPaddingView.offer(view.glance, key),
        "padding_switch": switch,
        "padding_by": (names_of([uin]).get(uin) or uin) if switch else "",
    }
