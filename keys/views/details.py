"""A key's overview, and editing what it is called."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy

from keys.forms.details import UpdateAliasForm, UpdateKeyDescriptionForm
from keys.models import Origin
from keys.operations import (
    Decrypt,
    DescribeKey,
    Encrypt,
    ListKeyEvents,
    TagKey,
    UpdateAlias,
    UpdateKeyDescription,
)
from keys.operations.metadata import metadata
from keys.states import KeyKind, KeyState, next_state
from keys.views import snippets
from keys.views.base import KeyView, OfferedView, state_words
from keys.views.conflicts import GuardedView
from keys.views.happenings import Happening, happenings
from keys.views.padding import padding_of
from keys.views.page import KeyPage, tool_of
from keys.views.snippets import ApiCall
from keys.views.uses import lost_with, uses_of
from keys.views.words import USAGE_LABELS, type_label
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm
from kmsconsole.operations import Operation
from kmsconsole.principals import names_of

_ROTATING = (KeyKind.GENERATED, KeyKind.CLOUD)
_SYMMETRIC = (*_ROTATING, KeyKind.IMPORTED)


class EditView(GuardedView, OfferedView):
    """Changes one field in place; its form stands where its value stood."""

    template = "keys/edit.html"
    part = "row"
    icon = "pencil"
    field: ClassVar[str]
    attribute: ClassVar[str]
    most: ClassVar[int]

    def present(self) -> Any:
        """Return the value as it is."""
        return getattr(self.key, self.attribute)

    def initial(self) -> dict[str, Any]:
        """Return the present value."""
        return super().initial() | {self.field: self.present()}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the field to edit."""
        field = {"field": form[self.field], "most": self.most, "slug": self.slug}
        return super().context(form) | field

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the form, or the value again where editing was given up."""
        if self.by_htmx and "cancel" in request.GET:
            context = {"key": self.key, "edits": edits(self), "focus": True}
            return render(request, f"keys/details.html#{self.attribute}", context)
        return super().get(request, **kwargs)


class UpdateAliasView(EditView):
    """Renames a key."""

    operation = UpdateAlias
    form = UpdateAliasForm
    slug = "update-alias"
    label = gettext_lazy("Name")
    done = gettext_lazy("The key was renamed.")
    field = "Alias"
    attribute = "alias"
    most = 60


class UpdateKeyDescriptionView(EditView):
    """Describes a key anew."""

    operation = UpdateKeyDescription
    form = UpdateKeyDescriptionForm
    slug = "update-key-description"
    label = gettext_lazy("Description")
    done = gettext_lazy("The description was saved.")
    field = "Description"
    attribute = "description"
    most = 1024


def edits(view: KeyView) -> dict[str, Any]:
    """Return the offers to edit, by the attribute they change."""
    views = (UpdateAliasView, UpdateKeyDescriptionView)
    return {v.attribute: v.offer(view.glance, view.key) for v in views}


class KeyDetails(KeyPage):
    """What there is to know about a key, or about one that was destroyed."""

    operation = DescribeKey
    template = "keys/details.html"
    tab = "overview"
    outlives = True

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the overview, or the tombstone."""
        if self.key.state != KeyState.DESTROYED:
            return super().get(request, **kwargs)
        context = super().context(self.form()) | {
            "creator": self._name(),
            "scheduled": self._scheduled(),
            "versions": self.key.versions.count(),
        }
        return render(request, "keys/tombstone.html", context)

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return what the overview shows."""
        key, kind = self.key, self.key.kind
        pending = key.state == KeyState.PENDING_DELETE
        symmetric = kind in _SYMMETRIC
        may = self._may
        own = {
            "may_encrypt": may(Encrypt),
            "may_decrypt": may(Decrypt),
            "unusable": self._unusable(lost_with(kind)),
            "encrypts": symmetric and not self._unusable(Encrypt),
            "may_watch": may(ListKeyEvents),
            "may_tag": may(TagKey),
            "edits": edits(self),
            "type_label": type_label(key.usage),
            "usage_label": USAGE_LABELS.get(key.usage, ""),
            "resource_id": metadata(key)["ResourceId"],
            "creator": self._name(),
            "rotates": kind in _ROTATING,
            "symmetric": symmetric,
            "imported": key.origin == Origin.EXTERNAL,
            "tool": tool_of(self.glance, key),
            "tags": list(key.tags.order_by("name")),
            "scheduled": self._scheduled() if pending else None,
            "api": ApiCall(
                "DescribeKey", self.call.region, (snippets.fixed("KeyId", self.key_id),)
            ),
        }
        uses = uses_of(self)
        if "bindings" in uses:
            uses["bound"] = self.may_be_held() and bool(uses["bindings"])
        return super().context(form) | uses | padding_of(self) | own

    def _name(self) -> str:
        uin = self.key.creator_uin
        return names_of([uin]).get(uin, "")

    def _may(self, operation: type[Operation]) -> bool:
        return self.glance.decide(operation, self.key).allowed

    def _unusable(self, operation: type[Operation]) -> str:
        try:
            next_state(operation.__name__, self.key.state, self.key.kind)
        except KMSError:
            return state_words(self.key)
        return ""

    def _scheduled(self) -> Happening | None:
        if not self._may(ListKeyEvents):
            return None
        # Behind it there is at most the event of the destruction.
        asked = self.parameters() | {"Only": "deletion", "Limit": 2}
        events = ListKeyEvents.execute(self.call, asked).output["Events"]
        scheduling = [e for e in events if e.operation.startswith("Schedule")]
        return next(iter(happenings(scheduling)), None)
