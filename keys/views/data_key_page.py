"""The page of one hosted data key: what it is, and fetching it."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy

from keys.crypto import ciphertext
from keys.datakeys.states import DataKeyState
from keys.models import Origin
from keys.operations import (
    DescribeDataKey,
    GetDataKeyCiphertextBlob,
    GetDataKeyPlaintext,
    ListKeyEvents,
)
from keys.operations.data_keys import DataKeyOperation, described
from keys.views import snippets
from keys.views.data_key import (
    CancelDataKeyDeletionView,
    DataKeyView,
    DisableDataKeyView,
    EditView,
    EnableDataKeyView,
    OfferedDataKeyView,
    ScheduleDataKeyDeletionView,
    UpdateDataKeyDescriptionView,
    UpdateDataKeyNameView,
    Words,
)
from keys.views.page import days_until
from keys.views.snippets import ApiCall
from keys.views.tools import secret
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm
from kmsconsole.principals import names_of

ACTIONS: tuple[type[OfferedDataKeyView], ...] = (
    EnableDataKeyView,
    DisableDataKeyView,
    ScheduleDataKeyDeletionView,
)
EDITS: tuple[type[EditView], ...] = (
    UpdateDataKeyNameView,
    UpdateDataKeyDescriptionView,
)


class DataKeyPage(DataKeyView):
    """What there is to know about a data key; nothing of its material."""

    operation: ClassVar[type[DataKeyOperation]] = DescribeDataKey
    template = "keys/data_keys/details.html"
    part = "result"

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the data key, its creator, and what can be done with it."""
        row, call = self.row, self.glance
        uin = row.creator_uin
        ends = row.deletion_date if row.state == DataKeyState.PENDING_DELETE else None
        return super().context(form) | {
            "actions": [v.offer(call, row) for v in ACTIONS if row.state in v.shown_in],
            "rescue": CancelDataKeyDeletionView.offer(call, row) if ends else None,
            "edits": {view.attribute: view.offer(call, row) for view in EDITS},
            "days_left": days_until(ends) if ends else None,
            "creator": names_of([uin]).get(uin) or uin,
            "imported": row.origin == Origin.EXTERNAL,
            "bound": bool(row.context),
            "version": ciphertext.decode(row.blob).version,
            "resource_id": described(row)["ResourceId"],
            "may_watch": call.decide(ListKeyEvents, row.key).allowed,
            "fetching": [view.offer(call, row) for view in FETCHING],
            "api": ApiCall(
                "GetDataKeyPlaintext",
                self.call.region,
                (snippets.fixed("DataKeyId", self.data_key_id),),
            ),
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Refuse: there is nothing to send here."""
        return self.http_method_not_allowed(request)


class FetchView(DataKeyPage, OfferedDataKeyView):
    """Fetches a data key; what it gave is in this answer and nowhere else."""

    label: ClassVar[Words]

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Lead to where the button is: looking at an address fetches nothing."""
        return redirect("keys:data_key", self.data_key_id)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Fetch it and show it beside what the page says."""
        form = self.form()
        # Whoever may not see the data key has no page for what would be fetched.
        self.row  # noqa: B018
        try:
            output = self.operation.execute(self.call, self.parameters()).output
        except KMSError as refusal:
            answer = self.page(form, refusal_shown=refusal)
            answer.status_code = refusal.http_status
            return answer
        return self.page(form, outcome=self.outcome(output), fetched=self)

    def outcome(self, output: dict[str, Any]) -> dict[str, Any]:
        """Return what to show of the answer."""
        raise NotImplementedError


class GetDataKeyPlaintextView(FetchView):
    """The data key in the clear, masked until it is asked for."""

    operation = GetDataKeyPlaintext
    slug = "get-data-key-plaintext"
    label = gettext_lazy("Get plaintext")
    icon = "lock-open"
    result_title = gettext_lazy("Data key")

    def outcome(self, output: dict[str, Any]) -> dict[str, Any]:
        """Return the data key as hex and Base64."""
        return secret(output["Plaintext"], as_text=False)


class GetDataKeyCiphertextView(FetchView):
    """What is kept of the data key."""

    operation = GetDataKeyCiphertextBlob
    slug = "get-data-key-ciphertext-blob"
    label = gettext_lazy("Get ciphertext")
    icon = "lock"
    result_title = gettext_lazy("Encrypted data key")

    def outcome(self, output: dict[str, Any]) -> dict[str, Any]:
        """Return the ciphertext."""
        return {"blob": output["CiphertextBlob"]}


FETCHING: tuple[type[FetchView], ...] = (
    GetDataKeyPlaintextView,
    GetDataKeyCiphertextView,
)
_ALL: tuple[type[OfferedDataKeyView], ...] = (
    *ACTIONS,
    *EDITS,
    *FETCHING,
    CancelDataKeyDeletionView,
)
_BY_SLUG = {view.slug: view.as_view() for view in _ALL}


def data_key_operation(
    request: HttpRequest, data_key_id: UUID, slug: str
) -> HttpResponseBase:
    """Hand over to the page of this operation on this data key."""
    if slug not in _BY_SLUG:
        raise Http404
    return _BY_SLUG[slug](request, data_key_id=data_key_id)
