"""A key's versions: rotating by itself and by hand, and moving a ciphertext on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from keys.crypto import ciphertext
from keys.forms.tools import ReEncryptForm
from keys.operations import ListKeyVersions, ReEncrypt
from keys.views import snippets
from keys.views.page import KeyPage
from keys.views.rotation import (
    ROTATING,
    DisableKeyRotationView,
    EnableKeyRotationView,
)
from keys.views.snippets import ApiCall
from keys.views.tools import why_not_move
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm
from kmsconsole.principals import names_of


@dataclass(frozen=True, slots=True)
class Version:
    """One version as the page shows it; `uses` since counting began."""

    number: int
    created_at: datetime
    creator: str
    uses: int
    encrypts: bool
    erased: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """A ciphertext that was moved to the newest version, or was there already."""

    blob: str
    before: int
    now: int
    changed: bool
    key_id: str
    of_other_key: bool


@method_decorator(sensitive_post_parameters(), name="dispatch")
class RotationPage(KeyPage):
    """Versions, rotation, and re-encrypting a ciphertext, which is never stored."""

    operation = ReEncrypt
    form = ReEncryptForm
    template = "keys/rotation.html"
    part = "moved"
    slug = "rotation"
    tab = "rotation"

    def initial(self) -> dict[str, Any]:
        """Begin with pasting."""
        return {"format": "text"}

    def parameters(self) -> dict[str, Any]:
        """Nothing: the ciphertext names its key itself."""
        return {}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the versions, and what can be done about rotation."""
        if self.by_htmx:
            return {"key": self.key}
        listed = ListKeyVersions.execute(self.call, {"KeyId": self.key_id}).output
        key = self.key
        names = names_of(row.creator_uin for row, _uses in listed["Versions"])
        enable, disable = (
            view.offer(self.call, key)
            for view in (EnableKeyRotationView, DisableKeyRotationView)
        )
        return super().context(form) | {
            "versions": [self._version(row, n, names) for row, n in listed["Versions"]],
            "tracked_since": listed["TrackedSince"],
            "rotates": key.kind in ROTATING,
            "enable": enable,
            "disable": disable,
            "unavailable": why_not_move(self.call, self.key),
            "api": self._api(),
        }

    def _version(self, row: Any, uses: int, names: dict[int, str]) -> Version:
        return Version(
            number=row.number,
            created_at=row.created_at,
            creator=names.get(row.creator_uin, str(row.creator_uin)),
            uses=uses,
            encrypts=row.number == self.key.primary_version,
            erased=row.destroyed_at is not None or not row.binding,
        )

    def _api(self) -> ApiCall:
        return ApiCall(
            "ReEncrypt",
            self.call.region,
            (snippets.ciphertext_from_file(),),
            imports=("from pathlib import Path",),
        )

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Re-encrypt and show what became of it."""
        form = self.form(request.POST, request.FILES)
        if not form.is_valid():
            return self.page(form, problems=form.errors.values())
        data = form.wire()
        try:
            output = self.operation.execute(self.call, data).output
        except KMSError as refusal:
            # Shown where the result would be, so the form stays as it is.
            answer = self.page(form, refusal=None, refusal_shown=refusal)
            answer.status_code = refusal.http_status
            return answer
        blob = output["CiphertextBlob"]
        moved = Moved(
            blob=blob,
            before=ciphertext.decode(data["CiphertextBlob"]).version,
            now=ciphertext.decode(blob).version,
            changed=output["ReEncrypted"],
            key_id=output["KeyId"],
            of_other_key=output["KeyId"] != self.key_id,
        )
        return self.page(form, moved=moved)
