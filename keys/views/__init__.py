"""Pages about keys."""

from functools import cache
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from keys.views.activity import KeyActivity
from keys.views.batch import batch
from keys.views.bindings import BindingsPage
from keys.views.creation import CreateKeyView
from keys.views.data_key_page import DataKeyPage, data_key_operation
from keys.views.data_keys import DataKeyList, DataKeysPage
from keys.views.deletion import ScheduleKeyDeletionView
from keys.views.details import (
    KeyDetails,
    UpdateAliasView,
    UpdateKeyDescriptionView,
)
from keys.views.files import FilesView
from keys.views.hosting import HostDataKeyView, ImportDataKeyView
from keys.views.importing import DeleteMaterialView, ImportKeyMaterialView
from keys.views.listing import CloudKeyList, KeyList, KeyMenu
from keys.views.material import GetParametersView, MaterialPage
from keys.views.padding import AllowLegacyPaddingView
from keys.views.page import pages_of_others
from keys.views.pair_tools import RsaDecryptView, SignView, VerifyView
from keys.views.public_key import PublicKeyPage
from keys.views.rotation import (
    DisableKeyRotationView,
    EnableKeyRotationView,
    RotateKeyView,
)
from keys.views.states import (
    ArchiveKeyView,
    CancelKeyArchiveView,
    CancelKeyDeletionView,
    ConfirmKeyDeletionView,
    DisableKeyView,
    EnableKeyView,
)
from keys.views.tags import TagKeyView
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
        ArchiveKeyView,
        CancelKeyArchiveView,
        ScheduleKeyDeletionView,
        CancelKeyDeletionView,
        ConfirmKeyDeletionView,
        TagKeyView,
        KeyActivity,
        KeyMenu,
        UpdateAliasView,
        UpdateKeyDescriptionView,
        EncryptView,
        DecryptView,
        ReEncryptView,
        GenerateDataKeyView,
        FilesView,
        SignView,
        VerifyView,
        RsaDecryptView,
        AllowLegacyPaddingView,
        PublicKeyPage,
        MaterialPage,
        GetParametersView,
        ImportKeyMaterialView,
        DeleteMaterialView,
        RotationPage,
        EnableKeyRotationView,
        DisableKeyRotationView,
        RotateKeyView,
        BindingsPage,
        DataKeysPage,
        HostDataKeyView,
        ImportDataKeyView,
    )
}


def operation(request: HttpRequest, key_id: UUID, slug: str) -> HttpResponseBase:
    """Hand over to the page of this operation on this key."""
    page = _BY_SLUG.get(slug) or _of_others().get(slug)
    if page is None:
        raise Http404
    return page(request, key_id=key_id)


@cache
def _of_others() -> dict[str, Any]:
    return {page.slug: page.as_view() for page in pages_of_others()}


__all__ = [
    "CloudKeyList",
    "CreateKeyView",
    "DataKeyList",
    "DataKeyPage",
    "KeyDetails",
    "KeyList",
    "RandomView",
    "batch",
    "data_key_operation",
    "operation",
]
