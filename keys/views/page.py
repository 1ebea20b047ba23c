"""What every page of a key shows around its content: actions and tabs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy

from keys.forms.details import ChangeStateForm
from keys.models import CustomerMasterKey
from keys.operations import (
    ConfirmKeyDeletion,
    DescribeDataKey,
    DescribeDestroyedKey,
    DescribeKeyUsage,
    GetPublicKey,
    ListKeyEvents,
)
from keys.operations.binding import any_bound
from keys.operations.history import is_tombstone
from keys.operations.holding import hold_of
from keys.states import KeyKind, KeyState
from keys.views.base import KeyView, OfferedView
from keys.views.deletion import ScheduleKeyDeletionView
from keys.views.happenings import deed
from keys.views.importing import DeleteMaterialView, ImportKeyMaterialView
from keys.views.rotation import RotateKeyView
from keys.views.states import (
    ArchiveKeyView,
    CancelKeyArchiveView,
    CancelKeyDeletionView,
    ConfirmKeyDeletionView,
    DisableKeyView,
    EnableKeyView,
)
from keys.views.toolbox import TOOL_OPERATIONS, usable_tools
from kmsconsole import clock
from kmsconsole.forms import WireForm
from kmsconsole.operations import Operation
from kmsconsole.principals import Call

_DAY = timedelta(days=1)


def tool_of(call: Call, key: CustomerMasterKey) -> str:
    """Return the slug of the first tool that the caller may use; empty for none."""
    return next((tool.slug for tool in usable_tools(call, key)), "")


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of a key's pages; `slug` is empty for the first.

    One that `outlives` the key is there after it was destroyed too. One with
    `operations` is there for those who may do any of them.
    """

    name: str
    label: str | Promise
    slug: Callable[[Call, CustomerMasterKey], str]
    applies: Callable[[KeyKind], bool] = lambda _: True
    outlives: bool = False
    operations: tuple[type[Operation], ...] = ()

    def serves(self, call: Call, key: CustomerMasterKey) -> bool:
        """Say whether it holds anything for the caller."""
        asked = self.operations
        return not asked or any(call.decide(each, key).allowed for each in asked)


TABS: tuple[Tab, ...] = (
    Tab("overview", gettext_lazy("Overview"), lambda *_: "", outlives=True),
    Tab("rotation", gettext_lazy("Versions"), lambda *_: "rotation"),
    Tab("tools", gettext_lazy("Tools"), tool_of, operations=TOOL_OPERATIONS),
    Tab(
        "public-key",
        gettext_lazy("Public key"),
        lambda *_: "public-key",
        lambda kind: kind in (KeyKind.SIGNING, KeyKind.DECRYPTING),
        operations=(GetPublicKey,),
    ),
    Tab(
        "material",
        gettext_lazy("Material"),
        lambda *_: "material",
        lambda kind: kind is KeyKind.IMPORTED,
    ),
    Tab(
        "data-keys",
        gettext_lazy("Data keys"),
        lambda *_: "data-keys",
        lambda kind: kind not in (KeyKind.SIGNING, KeyKind.DECRYPTING),
        operations=(DescribeDataKey,),
    ),
    Tab("tags", gettext_lazy("Tags"), lambda *_: "tag-key"),
    Tab(
        "activity",
        gettext_lazy("Activity"),
        lambda *_: "activity",
        outlives=True,
        operations=(ListKeyEvents,),
    ),
)
# The ones that are `folded` stand in a menu behind the others.
ACTIONS: tuple[type[OfferedView], ...] = (
    ImportKeyMaterialView,
    RotateKeyView,
    EnableKeyView,
    DisableKeyView,
    CancelKeyArchiveView,
    CancelKeyDeletionView,
    ConfirmKeyDeletionView,
    ArchiveKeyView,
    DeleteMaterialView,
    ScheduleKeyDeletionView,
)


class KeyPage(KeyView):
    """A page below a key's own address, under one of its tabs; it changes nothing.

    One that `outlives` the key also shows what is left of a destroyed one.
    """

    form: ClassVar[type[WireForm]] = ChangeStateForm
    tab: ClassVar[str]
    outlives: ClassVar[bool] = False
    slug: ClassVar[str]
    # The tab of a page that another app puts below the key.
    own_tab: ClassVar[Tab]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Know no such page for a key of another kind."""
        tab = next((tab for tab in all_tabs() if tab.name == self.tab), None)
        if tab is not None and not tab.applies(self.key.kind):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def key(self) -> CustomerMasterKey:
        """The key as this request finds it, or its tombstone."""
        # Asked first: trying DescribeKey would leave a refusal in the key's history.
        if not (self.outlives and is_tombstone(self.call, self.key_id)):
            return super().key
        found = DescribeDestroyedKey.execute(self.call, {"KeyId": self.key_id})
        key: CustomerMasterKey = found.resources[0]
        return key

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the key, what can be done with it, and its tabs."""
        key = self.key
        destroyed = key.state == KeyState.DESTROYED
        offers = [] if destroyed else self.offers(ACTIONS)
        in_banner = {view.slug for view in ACTIONS if view.in_banner}
        by_slug = {offer.slug: offer for offer in offers}
        hold = hold_of(key) if key.state == KeyState.PENDING_DELETE else None
        return super().context(form) | {
            "tab": self.tab,
            "tabs": tabs_of(self.glance, key),
            "actions": [o for o in offers if not o.folded and o.slug not in in_banner],
            "folded": [o for o in offers if o.folded],
            "rescue": by_slug.get(CancelKeyDeletionView.slug),
            "confirm": by_slug.get(ConfirmKeyDeletionView.slug),
            "hold": hold,
            "tells_attempt": hold is not None and self._may_know(),
            "attempted": hold and deed(hold.operation),
            "days_left": days_left(key),
            # Asked for by the template, where nobody has read it before.
            "bound": self._bound,
        }

    def may_be_held(self) -> bool:
        """Say whether products can keep this key from being taken away."""
        return self.key.customer_managed and self.key.state != KeyState.DESTROYED

    def _bound(self) -> bool:
        """Say whether products hold the key, to those who may see how it is used."""
        may = self.glance.decide(DescribeKeyUsage, self.key).allowed
        return self.may_be_held() and may and any_bound([self.key])

    def _may_know(self) -> bool:
        """Say whether the caller may learn who tried: by the events, or to decide."""
        asked = (ListKeyEvents, ConfirmKeyDeletion)
        return any(self.glance.decide(each, self.key).allowed for each in asked)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Refuse: there is nothing to send here."""
        return self.http_method_not_allowed(request)


@cache
def pages_of_others() -> tuple[type[KeyPage], ...]:
    """Return the pages of keys that other apps have; settings name them."""
    return tuple(import_string(path) for path in settings.KMS_KEY_PAGES)


@cache
def all_tabs() -> tuple[Tab, ...]:
    """Return the tabs in order; those of other apps stand before the activity."""
    *own, last = TABS
    return (*own, *(page.own_tab for page in pages_of_others()), last)


def days_left(key: CustomerMasterKey) -> int | None:
    """Return the days until the key is destroyed; None where it won't be.

    Rounded, so that 30 days are not 29 a moment later; 0 is less than one.
    """
    if key.state != KeyState.PENDING_DELETE or key.deletion_date is None:
        return None
    return days_until(key.deletion_date)


def days_until(end: datetime) -> int:
    """Return the days until then, rounded; 0 is less than one."""
    left = end - clock.now()
    return round(left / _DAY) if left >= _DAY else 0


def tabs_of(call: Call, key: CustomerMasterKey) -> list[dict[str, Any]]:
    """Return the tabs that apply to key and caller, with their addresses."""
    kind = key.kind
    tabs = []
    for tab in all_tabs():
        gone = key.state == KeyState.DESTROYED and not tab.outlives
        if gone or not tab.applies(kind) or not tab.serves(call, key):
            continue
        slug = tab.slug(call, key)
        url = (
            reverse("keys:operation", args=[key.id, slug])
            if slug
            else reverse("keys:details", args=[key.id])
        )
        tabs.append({"name": tab.name, "label": tab.label, "url": url})
    return tabs
