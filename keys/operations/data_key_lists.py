"""Lists of hosted data keys, as far as the caller may see their keys."""

from typing import Annotated, Any, Literal

from pydantic import Field

from keys.datakeys.models import DataKeyQuerySet
from keys.datakeys.states import DataKeyState
from keys.models import CustomerMasterKey
from keys.operations.base import KeyId
from keys.operations.data_keys import data_keys_here, described
from keys.operations.listing import MOST_SEARCH, PageInput, TagFilters
from keys.states import KeyState
from kmsconsole.inputs import WholeNumber
from kmsconsole.operations import Effect, Operation, Scope

_STATES = {
    1: DataKeyState.ENABLED,
    2: DataKeyState.DISABLED,
    3: DataKeyState.PENDING_DELETE,
}


class DataKeyListing(Operation):
    """Lists data keys of the caller's account and region."""

    effect = Effect.READ
    scope = Scope.LISTING
    permission = "DescribeDataKey"

    def data_keys(self, data: PageInput) -> DataKeyQuerySet:
        """Return the visible data keys, newest first; products keep none."""
        rows = data_keys_here(self).exclude(key__state=KeyState.DESTROYED)
        if data.role:
            rows = rows.none()
        if not self.call.sees_all(type(self)):
            keys = CustomerMasterKey.objects.in_region(
                self.call.principal.account_uin, self.call.region
            )
            rows = rows.filter(key__in=self.call.visible(type(self), keys))
        return rows.order_by("-created_at", "id")


class ListDataKeys(DataKeyListing):
    """IDs of data keys."""

    Input = PageInput

    def perform(self, data: PageInput) -> dict[str, Any]:
        """Return one page of IDs and how many there are."""
        rows = self.data_keys(data)
        page = rows.values_list("id", flat=True)[data.offset : data.offset + data.limit]
        return {
            "DataKeys": [{"DataKeyId": str(number)} for number in page],
            "TotalCount": rows.count(),
        }


class ListDataKeyDetailInput(PageInput):
    """Filters of the detailed list."""

    order_type: Annotated[WholeNumber, Field(ge=0, le=1)] = 0
    key_state: Annotated[WholeNumber, Field(ge=0, le=3)] = 0
    search_key_alias: Annotated[str, Field(max_length=MOST_SEARCH)] = ""
    origin: Literal["TENCENT_KMS", "EXTERNAL", "ALL", ""] = ""
    key_id: Literal[""] | KeyId | None = None
    data_key_len: Annotated[WholeNumber, Field(ge=0, le=1024)] = 0
    tag_filters: TagFilters = Field(default_factory=list)
    member_accounts: list[dict[str, Any]] | None = None


class ListDataKeyDetail(DataKeyListing):
    """Data keys with their attributes, filtered."""

    Input = ListDataKeyDetailInput

    def perform(self, data: ListDataKeyDetailInput) -> dict[str, Any]:
        """Return one page of DataKeyMetadata and how many match."""
        rows = self.data_keys(data)
        if data.order_type:
            rows = rows.order_by("created_at", "id")
        if data.key_state:
            rows = rows.filter(state=_STATES[data.key_state])
        if data.origin not in ("", "ALL"):
            rows = rows.filter(origin=data.origin)
        if data.key_id:
            rows = rows.filter(key=data.key_id)
        if data.data_key_len:
            rows = rows.filter(number_of_bytes=data.data_key_len)
        for name, values in data.tag_filters:
            having = {"tags__value__in": values} if values else {}
            rows = rows.filter(tags__name=name, **having)
        if data.search_key_alias:
            rows = rows.named_like(data.search_key_alias)
        page = rows.select_related("key")[data.offset : data.offset + data.limit]
        return {
            "DataKeyMetadatas": [described(row) for row in page],
            "TotalCount": rows.count(),
        }
