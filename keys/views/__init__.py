"""Pages about keys."""

from uuid import UUID

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from keys.views.creation import CreateKeyView
from keys.views.details import (
    KeyDetails,
    UpdateAliasView,
    UpdateKeyDescriptionView,
)
from keys.views.files import FilesView
from keys.views.listing import KeyList
from keys.views.pair_tools import RsaDecryptView, SignView, VerifyView
from keys.views.rotation import (
    DisableKeyRotationView,
    EnableKeyRotationView,
    RotateKeyView,
)
from keys.views.states import DisableKeyView, EnableKeyView
from keys.views.tools import (
    DecryptView,
    EncryptView,
    GenerateDataKeyView,
    RandomView,
    ReEncryptView,
)
from keys.views.versions import RotationPage

_BY_SLUG = {
    view.slug: view.as_view()
    for view in (
        EnableKeyView,
        DisableKeyView,
        UpdateAliasView,
        UpdateKeyDescriptionView,
        RotationPage,
        EnableKeyRotationView,
        DisableKeyRotationView,
        RotateKeyView,
        EncryptView,
        DecryptView,
        ReEncryptView,
        GenerateDataKeyView,
        FilesView,
        SignView,
        VerifyView,
        RsaDecryptView,
    )
}


def operation(request: HttpRequest, key_id: UUID, slug: str) -> HttpResponseBase:
    """Hand over to the page of this operation on this key."""
    if slug not in _BY_SLUG:
        raise Http404
    return _BY_SLUG[slug](request, key_id=key_id)


__all__ = ["CreateKeyView", "KeyDetails", "KeyList", "RandomView", "operation"]
