"""A key's overview, and editing what it is called."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy

from keys.forms.base import WireForm
from keys.forms.details import UpdateAliasForm, UpdateKeyDescriptionForm
from keys.operations import DescribeKey, UpdateAlias, UpdateKeyDescription
from keys.views import snippets
from keys.views.base import KeyView, OfferedView
from keys.views.page import KeyPage
from keys.views.snippets import ApiCall
from keys.views.words import USAGE_LABELS, type_label


class EditView(OfferedView):
    """Changes one field in place; its form stands where its value stood."""

    template = "keys/edit.html"
    part = "row"
    icon = "pencil"
    field: ClassVar[str]
    attribute: ClassVar[str]
    most: ClassVar[int]

    def initial(self) -> dict[str, Any]:
        """Return the present value."""
        return {self.field: getattr(self.key, self.attribute)}

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
    return {v.attribute: v.offer(view.call, view.key) for v in views}


class KeyDetails(KeyPage):
    """What there is to know about a key."""

    operation = DescribeKey
    template = "keys/details.html"
    tab = "overview"

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return what the overview shows."""
        key = self.key
        return super().context(form) | {
            "edits": edits(self),
            "type_label": type_label(key.usage),
            "usage_label": USAGE_LABELS.get(key.usage, ""),
            "versions": key.versions.order_by("-number"),
            "api": ApiCall(
                "DescribeKey", self.call.region, (snippets.fixed("KeyId", self.key_id),)
            ),
        }
