"""Making, viewing, editing, enabling and disabling a key."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from keys.crypto.algorithms import KEY_TYPES
from keys.forms import (
    ChangeStateForm,
    CreateKeyForm,
    UpdateAliasForm,
    UpdateKeyDescriptionForm,
    WireForm,
)
from keys.models import CustomerMasterKey
from keys.operations import (
    CreateKey,
    DescribeKey,
    DisableKey,
    EnableKey,
    UpdateAlias,
    UpdateKeyDescription,
)
from keys.states import KeyState
from keys.views import snippets
from keys.views.base import KeyView, OfferedView, OperationView, type_label
from keys.views.snippets import ApiCall
from kmsconsole.operations import Result

_SIGN_VERIFY = gettext_lazy("Sign and verify")
_USAGE_LABELS = {
    "ENCRYPT_DECRYPT": gettext_lazy("Encrypt and decrypt"),
    "ASYMMETRIC_DECRYPT_RSA_2048": gettext_lazy("Decrypt with a private key"),
    "ASYMMETRIC_SIGN_VERIFY_RSA_2048": _SIGN_VERIFY,
    "ASYMMETRIC_SIGN_VERIFY_RSA_3072": _SIGN_VERIFY,
    "ASYMMETRIC_SIGN_VERIFY_ECC": _SIGN_VERIFY,
    "ASYMMETRIC_SIGN_VERIFY_ECDSA384": _SIGN_VERIFY,
}
_USAGE_HINTS = {
    "ENCRYPT_DECRYPT": gettext_lazy(
        "Symmetric. For secrets of up to 4 KB, and for the data keys of larger files."
    ),
    "ASYMMETRIC_DECRYPT_RSA_2048": gettext_lazy(
        "Anybody can encrypt with the RSA public key; only this service can decrypt."
    ),
    "ASYMMETRIC_SIGN_VERIFY_RSA_2048": gettext_lazy(
        "RSA, 2048 bits: signatures that almost every program can verify."
    ),
    "ASYMMETRIC_SIGN_VERIFY_RSA_3072": gettext_lazy(
        "RSA, 3072 bits: for signatures that have to hold for many years."
    ),
    "ASYMMETRIC_SIGN_VERIFY_ECC": gettext_lazy(
        "Elliptic curve P-256: short signatures, made fast."
    ),
    "ASYMMETRIC_SIGN_VERIFY_ECDSA384": gettext_lazy(
        "Elliptic curve P-384: where rules ask for a stronger curve."
    ),
}


class CreateKeyView(OperationView):
    """Makes a key."""

    operation = CreateKey
    form = CreateKeyForm
    template = "keys/create.html"

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the usages to choose from, and the same as an API call."""
        name = snippets.following("Alias", form["Alias"].value(), "my-key")
        description = snippets.following(
            "Description", form["Description"].value(), "", optional=True
        )
        return {
            "usages": [
                {
                    "usage": row.usage,
                    "type": type_label(row.usage),
                    "label": _USAGE_LABELS[row.usage],
                    "hint": _USAGE_HINTS[row.usage],
                }
                for row in KEY_TYPES
            ],
            "api": ApiCall("CreateKey", self.call.region, (name, description)),
        }

    def after(self, result: Result) -> str:
        """Lead to the new key."""
        name = result.output["Alias"]
        messages.success(self.request, _("Key %(name)s was created.") % {"name": name})
        return reverse("keys:details", args=[result.output["KeyId"]])


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


class KeyDetails(KeyView):
    """What there is to know about a key."""

    operation = DescribeKey
    form = ChangeStateForm
    http_method_names: ClassVar[list[str]] = ["get", "head", "options"]  # type: ignore[misc]

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the overview."""
        key = self.key
        context = {
            "key": key,
            "tab": "overview",
            "actions": self.offers((EnableKeyView, DisableKeyView)),
            "edits": edits(self),
            "type_label": type_label(key.usage),
            "usage_label": _USAGE_LABELS.get(key.usage, ""),
            "versions": key.versions.order_by("-number"),
            "api": ApiCall(
                "DescribeKey", self.call.region, (snippets.fixed("KeyId", self.key_id),)
            ),
        }
        return render(request, "keys/details.html", context)
