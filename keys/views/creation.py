"""Making a key, and turning on its rotation."""

import json
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from keys.crypto.algorithms import key_type_for_usage
from keys.errors import AliasAlreadyExists
from keys.forms.creation import CreateKeyForm
from keys.operations import (
    CreateKey,
    DescribeKey,
    EnableKeyRotation,
    ListKeyDetail,
)
from keys.operations.rotation import LEAST_DAYS, MOST_DAYS, USUAL_DAYS
from keys.views import snippets
from keys.views.snippets import ApiCall
from keys.views.words import PURPOSES, type_label
from kmsconsole import clock
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.pages import OperationView

# A form that came twice within this is one wish.
_SAME_WISH = timedelta(seconds=15)


class CreateKeyView(OperationView):
    """Makes a key.

    CreateKey leaves rotation off, so turning it on is an operation of its own, whose
    refusal leaves the key in place.
    """

    operation = CreateKey
    form = CreateKeyForm
    template = "keys/create.html"

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the kinds of key to choose from, and the same as API calls."""
        usage = form["KeyUsage"].value()
        chosen = usage if key_type_for_usage(usage or "") else PURPOSES[0].prefix
        return {
            "purposes": [
                {"purpose": purpose, "types": _choices(purpose.types, chosen)}
                for purpose in PURPOSES
                if purpose.types
            ],
            "days": {"least": LEAST_DAYS, "most": MOST_DAYS},
            "api": self._creating(form, chosen),
            "rotation_api": self._rotating(form),
        }

    def _creating(self, form: WireForm, usage: str) -> ApiCall:
        assert isinstance(form, CreateKeyForm)
        tags = json.dumps(form.tags, ensure_ascii=False) if form.tags else ""
        parameters = (
            snippets.following("Alias", form["Alias"].value(), "my-key"),
            snippets.following(
                "Description", form["Description"].value(), "", optional=True
            ),
            snippets.following("KeyUsage", usage, PURPOSES[0].prefix),
            snippets.following("Type", str(form["Type"].value()), "1", plain=True),
            snippets.following("Tags", tags, "[]", optional=True, plain=True),
        )
        return ApiCall("CreateKey", self.call.region, parameters)

    def _rotating(self, form: WireForm) -> ApiCall:
        days = str(form["RotateDays"].value() or "")
        parameters = (
            snippets.Parameter("KeyId", '"$KEY_ID"', 'os.environ["KEY_ID"]'),
            snippets.following("RotateDays", days, str(USUAL_DAYS), plain=True),
        )
        return ApiCall(
            "EnableKeyRotation", self.call.region, parameters, imports=("import os",)
        )

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Make the key, then turn on its rotation, and say what became of both."""
        form = CreateKeyForm(request.POST)
        if not form.is_valid():
            return self.page(form)
        wanted = form.wire()
        try:
            result = CreateKey.execute(self.call, wanted)
        except AliasAlreadyExists as refusal:
            made = self._just_made(wanted)
            if made is None:
                return self.page(form, refusal)
            words = _("Key %(name)s was created a moment ago, by this very form.")
            messages.info(request, words % {"name": wanted["Alias"]})
            return self._on(reverse("keys:details", args=[made]))
        except KMSError as refusal:
            return self.page(form, refusal)
        return self._on(self._rotated(result, form.rotate_days))

    def _on(self, url: str) -> HttpResponse:
        return HttpResponseClientRedirect(url) if self.by_htmx else redirect(url)

    def _just_made(self, wanted: dict[str, Any]) -> str | None:
        """Return the ID of the key that the same person made of the same form."""
        search = {
            "SearchKeyAlias": wanted["Alias"],
            "KeyUsage": wanted.get("KeyUsage", PURPOSES[0].prefix),
            "Limit": 200,
        }
        try:
            found = ListKeyDetail.execute(self.call, search).output["KeyMetadatas"]
        except KMSError:
            return None
        since = (clock.now() - _SAME_WISH).timestamp()
        for key in found:
            same = (
                key["Alias"] == wanted["Alias"]
                and key["Description"] == wanted.get("Description", "")
                and key["Origin"] == ("EXTERNAL" if "Type" in wanted else "TENCENT_KMS")
            )
            by_me = key["CreatorUin"] == self.call.principal.uin
            if same and by_me and key["CreateTime"] >= since:
                return str(key["KeyId"])
        return None

    def _rotated(self, result: Result, days: int | None) -> str:
        """Turn on rotation where it is wanted; returns where to go on."""
        key_id, name = result.output["KeyId"], {"name": result.output["Alias"]}
        key = result.resources[0]
        if not self.call.decide(DescribeKey, key).allowed:
            words = _(
                "Key %(name)s was created, but you may not see it: creating a key "
                "gives no rights on it. Ask an administrator of your account for them."
            )
            messages.warning(self.request, words % name)
            return reverse("keys:list")
        if days is not None:
            wanted = {"KeyId": key_id, "RotateDays": days}
            try:
                EnableKeyRotation.execute(self.call, wanted)
            except KMSError as refusal:
                words = _(
                    "Key %(name)s was created, but it doesn't rotate yet: %(why)s "
                    "Turn on rotation here, or go on without."
                )
                why = name | {"why": refusal.message}
                messages.warning(self.request, words % why)
                return reverse("keys:operation", args=[key_id, "rotation"])
        if result.output["KeyState"] == "PendingImport":
            words = _("Key %(name)s was created. It waits for its material.")
        else:
            words = _("Key %(name)s was created.")
        messages.success(self.request, words % name)
        if result.output["KeyState"] == "PendingImport":
            return reverse("keys:operation", args=[key_id, "material"])
        return reverse("keys:details", args=[key_id])


def _choices(types: list[Any], chosen: str) -> list[dict[str, Any]]:
    return [
        {
            "usage": row.usage,
            "label": type_label(row.usage),
            "checked": row.usage == chosen,
            "importable": row.importable,
            "rotatable": row.rotatable,
        }
        for row in types
    ]
