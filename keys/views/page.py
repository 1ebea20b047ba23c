"""What every page of a key shows around its content: actions and tabs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from keys.forms.base import WireForm
from keys.forms.details import ChangeStateForm
from keys.models import CustomerMasterKey
from keys.states import KeyKind
from keys.views.base import KeyView, OfferedView
from keys.views.rotation import RotateKeyView
from keys.views.states import DisableKeyView, EnableKeyView
from keys.views.toolbox import tools_for


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of a key's pages; `slug` is empty for the first."""

    name: str
    label: str | Promise
    slug: Callable[[KeyKind], str]
    applies: Callable[[KeyKind], bool] = lambda _: True


TABS: tuple[Tab, ...] = (
    Tab("overview", gettext_lazy("Overview"), lambda _: ""),
    Tab("rotation", gettext_lazy("Versions"), lambda _: "rotation"),
    Tab("tools", gettext_lazy("Tools"), lambda kind: tools_for(kind)[0].slug),
)
ACTIONS: tuple[type[OfferedView], ...] = (
    RotateKeyView,
    EnableKeyView,
    DisableKeyView,
)


class KeyPage(KeyView):
    """A page below a key's own address, under one of its tabs; it changes nothing."""

    form: ClassVar[type[WireForm]] = ChangeStateForm
    tab: ClassVar[str]

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the key, what can be done with it, and its tabs."""
        return super().context(form) | {
            "tab": self.tab,
            "tabs": tabs_of(self.key),
            "actions": self.offers(ACTIONS),
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Refuse: there is nothing to send here."""
        return self.http_method_not_allowed(request)


def tabs_of(key: CustomerMasterKey) -> list[dict[str, Any]]:
    """Return the tabs that apply to this key, with their addresses."""
    kind = key.kind
    tabs = []
    for tab in TABS:
        if not tab.applies(kind):
            continue
        slug = tab.slug(kind)
        url = (
            reverse("keys:operation", args=[key.id, slug])
            if slug
            else reverse("keys:details", args=[key.id])
        )
        tabs.append({"name": tab.name, "label": tab.label, "url": url})
    return tabs
