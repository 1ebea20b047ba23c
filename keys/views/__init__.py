"""Pages about keys."""

from uuid import UUID

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from keys.views.batch import batch
from keys.views.creation import CreateKeyView
from keys.views.details import (
    KeyDetails,
    UpdateAliasView,
    UpdateKeyDescriptionView,
)
from keys.views.listing import CloudKeyList, KeyList, KeyMenu
from keys.views.states import DisableKeyView, EnableKeyView
from keys.views.tools import DecryptView, EncryptView

_BY_SLUG = {
    view.slug: view.as_view()
    for view in (
        EnableKeyView,
        DisableKeyView,
        KeyMenu,
        UpdateAliasView,
        UpdateKeyDescriptionView,
        EncryptView,
        DecryptView,
    )
}


def operation(request: HttpRequest, key_id: UUID, slug: str) -> HttpResponseBase:
    """Hand over to the page of this operation on this key."""
    if slug not in _BY_SLUG:
        raise Http404
    return _BY_SLUG[slug](request, key_id=key_id)


__all__ = [
    "CloudKeyList",
    "CreateKeyView",
    "KeyDetails",
    "KeyList",
    "batch",
    "operation",
]
