"""Lists of keys, as far as the caller may see them."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from keys.errors import InvalidTag
from keys.models import CustomerMasterKey
from keys.operations.base import HsmClusterId
from keys.operations.counting import EXISTING_STATES, kept_count
from keys.operations.metadata import metadata
from keys.operations.tagging import MOST_TAGS
from keys.querysets import LISTED_STATES, KeyQuerySet
from keys.states import KeyState
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope

_LARGEST_OFFSET = 2**31
_STATE_FILTER = {
    1: KeyState.ENABLED,
    2: KeyState.DISABLED,
    3: KeyState.PENDING_DELETE,
    4: KeyState.PENDING_IMPORT,
    5: KeyState.ARCHIVED,
}
_DEFAULT_USAGE = "ENCRYPT_DECRYPT"
_ALL = "ALL"
MOST_SEARCH = 60


class PageInput(OperationInput):
    """A page: where it begins and how long it is."""

    offset: Annotated[WholeNumber, Field(ge=0, le=_LARGEST_OFFSET)] = 0
    limit: Annotated[WholeNumber, Field(ge=1, le=200)] = 10
    role: Annotated[WholeNumber, Field(ge=0, le=1)] = 0
    hsm_cluster_id: Literal["default"] | HsmClusterId = ""


class ListingOperation(Operation):
    """Lists keys of the caller's account and region."""

    effect = Effect.READ
    scope = Scope.LISTING
    permission = "DescribeKey"

    def keys(self, data: PageInput) -> KeyQuerySet[CustomerMasterKey]:
        """Return the visible keys of the wanted class, newest first."""
        # What may be seen and whether that is everything are one question.
        call = self.asking = self.call.glance(())
        keys = CustomerMasterKey.objects.in_region(
            call.principal.account_uin, call.region
        )
        keys = keys.cloud_managed() if data.role else keys.customer_managed()
        visible: KeyQuerySet[CustomerMasterKey] = call.visible(type(self), keys)
        return visible.order_by("-created_at", "id")

    def total(
        self,
        data: PageInput,
        keys: KeyQuerySet[CustomerMasterKey],
        states: Collection[str],
    ) -> int:
        """Return how many keys match, by the counters where nothing is left out."""
        if self.asking.sees_all(type(self)):
            return kept_count(self.call, cloud=bool(data.role), states=states)
        return keys.count()


class ListKeys(ListingOperation):
    """IDs of keys that are enabled, disabled or waiting for material."""

    Input = PageInput

    def perform(self, data: PageInput) -> dict[str, Any]:
        """Return one page of IDs and how many there are."""
        keys = self.keys(data).filter(state__in=LISTED_STATES)
        page = keys.values_list("id", flat=True)
        chosen = page[data.offset : data.offset + data.limit]
        return {
            "Keys": [{"KeyId": str(key_id)} for key_id in chosen],
            "TotalCount": self.total(data, keys, LISTED_STATES),
        }


def _tag_filters(value: Any) -> list[tuple[str, list[str]]]:
    if not isinstance(value, list) or len(value) > MOST_TAGS:
        raise InvalidTag("TagFilters")
    filters = []
    for wanted in value:
        if not isinstance(wanted, dict) or not set(wanted) <= {"TagKey", "TagValue"}:
            raise InvalidTag("TagFilters")
        name, values = wanted.get("TagKey"), wanted.get("TagValue") or []
        texts = isinstance(values, list) and all(isinstance(v, str) for v in values)
        if not isinstance(name, str) or not texts:
            raise InvalidTag("TagFilters")
        filters.append((name, values))
    return filters


_FILTERS_AS_SENT = WithJsonSchema(
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "TagKey": {"type": "string"},
                "TagValue": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["TagKey"],
        },
    }
)
TagFilters = Annotated[
    list[tuple[str, list[str]]], BeforeValidator(_tag_filters), _FILTERS_AS_SENT
]


class ListKeyDetailInput(PageInput):
    """Filters of the detailed list; no usage means symmetric keys only."""

    order_type: Annotated[WholeNumber, Field(ge=0, le=1)] = 0
    key_state: Annotated[WholeNumber, Field(ge=0, le=5)] = 0
    search_key_alias: Annotated[str, Field(max_length=MOST_SEARCH)] = ""
    origin: Literal["TENCENT_KMS", "EXTERNAL", "ALL", ""] = ""
    key_usage: Annotated[str, Field(max_length=64)] = ""
    tag_filters: TagFilters = Field(default_factory=list)
    member_accounts: list[dict[str, Any]] | None = None


class ListKeyDetail(ListingOperation):
    """Keys with their attributes, filtered."""

    Input = ListKeyDetailInput

    def perform(self, data: ListKeyDetailInput) -> dict[str, Any]:
        """Return one page of KeyMetadata and how many match."""
        keys = self.keys(data)
        if data.order_type:
            keys = keys.order_by("created_at", "id")
        if data.key_state:
            keys = keys.filter(state=_STATE_FILTER[data.key_state])
        if data.origin not in ("", _ALL):
            keys = keys.filter(origin=data.origin)
        if data.key_usage != _ALL:
            keys = keys.filter(usage=data.key_usage or _DEFAULT_USAGE)
        for name, values in data.tag_filters:
            keys = keys.tagged(name, values)
        if data.search_key_alias:
            keys = keys.matching(data.search_key_alias)
        page = keys[data.offset : data.offset + data.limit]
        return {
            "KeyMetadatas": [metadata(key) for key in page],
            "TotalCount": self._total(data, keys),
        }

    def _total(
        self, data: ListKeyDetailInput, keys: KeyQuerySet[CustomerMasterKey]
    ) -> int:
        narrowed = data.tag_filters or data.search_key_alias
        if narrowed or data.origin not in ("", _ALL) or data.key_usage != _ALL:
            return keys.count()
        wanted = _STATE_FILTER.get(data.key_state)
        return self.total(data, keys, [wanted] if wanted else EXISTING_STATES)
