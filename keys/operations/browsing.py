"""The console's list of keys: filtered and paged where the rows are.

A page begins behind a key, not at a number of rows, so the last page costs what the
first one does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower
from pydantic import AfterValidator, Field

from keys import search
from keys.crypto.algorithms import KEY_TYPES
from keys.errors import CmkNotFound
from keys.models import CustomerMasterKey, KeyTag, Origin
from keys.operations.base import KeyBatchInput, KeyBatchOperation
from keys.operations.counting import EXISTING_STATES, kept_count
from keys.operations.holding import holds_of
from keys.querysets import KeyQuerySet
from keys.states import KeyState
from kmsconsole.errors import InvalidParameterValue
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope

MOST_COUNTED = 1000
_LONGEST_PLACE = 128
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = (
    "id",
    "alias",
    "state",
    "usage",
    "origin",
    "owner",
    "created_at",
    "rotation_enabled",
    "rotate_days",
    "next_rotation_at",
    "deletion_date",
    "destroyed_at",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One key as the list shows it."""

    id: UUID
    alias: str
    state: str
    usage: str
    origin: str
    owner: str
    created_at: datetime
    rotation_enabled: bool
    rotate_days: int
    next_rotation_at: datetime | None
    deletion_date: datetime | None
    destroyed_at: datetime | None
    tags: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order; `newer` and `older` are places to go on from, or empty.

    `total` is exact unless `more` says that there are more than those counted.
    """

    rows: list[Row]
    total: int
    more: bool
    newer: str
    older: str


def place_of(row: Row, order: str) -> str:
    """Return the place behind this row, as it stands in an address."""
    if order == "name":
        return f"{row.alias.lower()}.{row.id.hex}"
    microseconds = (row.created_at - _EPOCH) // timedelta(microseconds=1)
    return f"{microseconds}.{row.id.hex}"


def _place(text: str) -> str:
    if len(text) > _LONGEST_PLACE or not (text.isascii() and text.isprintable()):
        raise InvalidParameterValue("Place")
    return text


Place = Annotated[str, AfterValidator(_place)]


class BrowseKeysInput(OperationInput):
    """Filters, order and place. `Role` 1 is the keys of cloud products."""

    role: Annotated[WholeNumber, Field(ge=0, le=1)] = 0
    words: Annotated[str, Field(max_length=60)] = ""
    state: KeyState | Literal[""] = ""
    usage: Annotated[str, Field(max_length=64)] = ""
    origin: Literal["TENCENT_KMS", "EXTERNAL", ""] = ""
    rotation: Literal["on", "off", ""] = ""
    tag: Annotated[str, Field(max_length=127)] = ""
    tag_value: Annotated[str, Field(max_length=255)] = ""
    order: Literal["newest", "oldest", "name"] = "newest"
    limit: Annotated[WholeNumber, Field(ge=1, le=200)] = 20
    older: Place = ""
    newer: Place = ""


class BrowseKeys(Operation):
    """One page of the keys that the caller may see; tombstones only where asked for."""

    effect = Effect.READ
    scope = Scope.LISTING
    permission = "DescribeKey"
    api = False
    Input = BrowseKeysInput

    def perform(self, data: BrowseKeysInput) -> dict[str, Any]:
        """Return a Page."""
        order = _Order.of(data)
        found = _Found.of(self._filtered(data), data, order)
        rows = found.rows(order, data.limit + 1)
        backwards = bool(data.newer)
        surplus = len(rows) > data.limit
        rows = rows[: data.limit]
        if backwards:
            rows.reverse()
        first = place_of(rows[0], data.order) if rows else ""
        last = place_of(rows[-1], data.order) if rows else ""
        total, more = self._count(found, data)
        _add_tags(rows)
        pending = [row.id for row in rows if row.state == KeyState.PENDING_DELETE]
        page = Page(
            rows=rows,
            total=total,
            more=more,
            newer=first if data.older or (backwards and surplus) else "",
            older=last if backwards or surplus else "",
        )
        return {"Page": page, "Holds": holds_of(pending) if pending else {}}

    def _filtered(self, data: BrowseKeysInput) -> KeyQuerySet[CustomerMasterKey]:
        call = self.call
        keys = CustomerMasterKey.objects.filter(
            account_uin=call.principal.account_uin, region=call.region
        )
        keys = keys.cloud_managed() if data.role else keys.customer_managed()
        if data.state:
            keys = keys.filter(state=data.state)
        else:
            keys = keys.exclude(state=KeyState.DESTROYED)
        visible: KeyQuerySet[CustomerMasterKey] = call.visible(type(self), keys)
        return visible

    def _count(self, found: "_Found", data: BrowseKeysInput) -> tuple[int, bool]:
        if found.total is not None:
            return found.total
        if data.words or not self.call.sees_all(type(self)):
            return found.count()
        states = [data.state] if data.state else EXISTING_STATES
        return kept_count(self.call, cloud=bool(data.role), states=states), False


@dataclass(frozen=True, slots=True)
class _Order:
    """By which column rows are read, which way, and beyond what place if any.

    Going back to newer rows reads them the other way round.
    """

    column: str
    descending: bool
    start: Any = None
    identity: UUID | None = None

    @classmethod
    def of(cls, data: BrowseKeysInput) -> "_Order":
        by_time = data.order != "name"
        column = "created_at" if by_time else "name"
        descending = (data.order == "newest") is not bool(data.newer)
        place = data.newer or data.older
        if not place:
            return cls(column, descending)
        start, _, key_id = place.rpartition(".")
        try:
            identity = UUID(key_id)
            return cls(
                column, descending, _moment(start) if by_time else start, identity
            )
        except (ValueError, OverflowError):
            raise InvalidParameterValue("Place") from None

    @property
    def by_time(self) -> bool:
        return self.column == "created_at"

    def read(self, keys: KeyQuerySet[CustomerMasterKey], number: int) -> list[Row]:
        """Return up to so many rows of these keys."""
        if not self.by_time:
            keys = keys.alias(name=Lower("alias"))
        if self.identity is not None:
            keys = keys.filter(self._beyond())
        # Two orders that are each other's reverse, so that one index serves both.
        by_id = "id" if self.descending is self.by_time else "-id"
        ordered = keys.order_by("-" * self.descending + self.column, by_id)
        return [Row(*row) for row in ordered.values_list(*_COLUMNS)[:number]]

    def _beyond(self) -> Q:
        side = "lt" if self.descending else "gt"
        by_id = "gt" if self.descending is self.by_time else "lt"
        # The first term alone lets an index find the place.
        return Q(**{f"{self.column}__{side}e": self.start}) & (
            Q(**{f"{self.column}__{side}": self.start})
            | Q(**{f"id__{by_id}": self.identity})
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """What matches: the last of each are all of them, those before it some to try.

    Trying them first bounds the work where very many keys match that don't stand where
    the list begins. `total` is given where it became known on the way.
    """

    listed: tuple[KeyQuerySet[CustomerMasterKey], ...]
    counted: tuple[KeyQuerySet[CustomerMasterKey], ...] = ()
    total: tuple[int, bool] | None = None

    @classmethod
    def of(
        cls, keys: KeyQuerySet[CustomerMasterKey], data: BrowseKeysInput, order: _Order
    ) -> "_Found":
        every = _of_nature(keys, data)
        values = [data.tag_value] if data.tag_value else []
        tagged = every.tagged(data.tag, values) if data.tag else every
        if data.words:
            return cls._search(tagged, data.words, order)
        if not (data.tag or data.usage or data.origin or data.rotation):
            return cls((keys,), (keys,))
        few = tagged if data.tag else _by_nature(keys, data)
        some = few.values_list("pk", flat=True)[: MOST_COUNTED + 1]
        ids = [key_id.hex for key_id in some]
        if len(ids) <= MOST_COUNTED:
            return cls((keys.among(ids),), total=(len(ids), False))
        if data.tag:
            # Many have the tag: rather look at keys in their order than sort them.
            tags = KeyTag.objects.filter(key=OuterRef("pk"), name=data.tag)
            every = every.filter(
                Exists(tags.filter(value__in=values) if values else tags)
            )
        return cls((every,), total=(MOST_COUNTED, True))

    @classmethod
    def _search(
        cls, keys: KeyQuerySet[CustomerMasterKey], words: str, order: _Order
    ) -> "_Found":
        newest_first = order.by_time and order.descending
        some = search.candidates(words, newest_first=newest_first)
        if some is None or some.complete:
            every = keys.among(some.ids) if some else keys.containing(words)
            return cls((every,), (every,))
        every = keys.containing(words)
        counted = (keys.among(some.ids), every)
        if not order.by_time:
            return cls((every,), counted)
        if order.identity is not None:
            some = search.candidates(
                words, newest_first=newest_first, start=order.start
            )
        if some is None:
            return cls((every,), counted)
        first = keys.among(some.ids)
        return cls((first,) if some.complete else (first, every), counted)

    def rows(self, order: _Order, number: int) -> list[Row]:
        """Return up to so many rows in order."""
        rows: list[Row] = []
        for keys in self.listed:
            rows = order.read(keys, number)
            if len(rows) == number:
                break
        return rows

    def count(self) -> tuple[int, bool]:
        """Return how many there are up to MOST_COUNTED, and whether there are more."""
        counted = 0
        for keys in self.counted:
            counted = keys.values("pk")[: MOST_COUNTED + 1].count()
            if counted > MOST_COUNTED:
                return MOST_COUNTED, True
        return counted, False


def _of_nature(
    keys: KeyQuerySet[CustomerMasterKey], data: BrowseKeysInput
) -> KeyQuerySet[CustomerMasterKey]:
    exact = {"usage": data.usage, "origin": data.origin}
    keys = keys.filter(**{name: value for name, value in exact.items() if value})
    if data.rotation:
        keys = keys.filter(rotation_enabled=data.rotation == "on")
    return keys


def _by_nature(
    keys: KeyQuerySet[CustomerMasterKey], data: BrowseKeysInput
) -> KeyQuerySet[CustomerMasterKey]:
    return keys.by_nature(
        [data.usage] if data.usage else [row.usage for row in KEY_TYPES],
        [data.origin] if data.origin else Origin.values,
        [data.rotation == "on"] if data.rotation else [False, True],
    )


def _moment(microseconds: str) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))


def _add_tags(rows: Iterable[Row]) -> None:
    by_id = {row.id: row for row in rows}
    tags = KeyTag.objects.filter(key_id__in=by_id).order_by("name")
    for key_id, name, value in tags.values_list("key_id", "name", "value"):
        by_id[key_id].tags.append((name, value))


class ChooseKeys(KeyBatchOperation):
    """Those of up to 100 keys that are still there, in whatever state."""

    effect = Effect.READ
    permission = "DescribeKey"
    api = False

    def locate(self, data: Any) -> Sequence[CustomerMasterKey]:
        """Find what is there; the result's `resources` are the keys, in order."""
        return [key for key in super().locate(data) if key is not None]

    def check(self, data: Any) -> None:
        """Refuse only where nothing is left; what may be done is asked later."""
        if not self.resources:
            raise CmkNotFound("KeyIds")

    def perform(self, data: KeyBatchInput) -> dict[str, Any]:
        """Return nothing: the keys themselves are the result."""
        return {}
