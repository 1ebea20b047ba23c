"""What happens by itself: what is to come, what was, and whether it runs at all."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Annotated, Any, Final
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from pydantic import AfterValidator, Field

from accessctl.evaluator import has_full_access
from accessctl.models import (
    GroupAccountGrant,
    GroupKeyGrant,
    User,
    UserAccountGrant,
    UserKeyGrant,
)
from keys.models import CustomerMasterKey, Heartbeat
from keys.operations import ListKeyEvents
from keys.operations.holding import confirmed_deletions, deletions_by_date
from kmsconsole import clock, health
from kmsconsole.audit import queries
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import InvalidParameterValue
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.schedule.models import ClockState, SweepRun

AHEAD: Final = timedelta(days=30)
# So many events of the service are looked at for one page.
EXAMINED: Final = 300
_LONGEST_PLACE = 128


@dataclass(frozen=True, slots=True)
class Coming:
    """One thing that will happen: when, of which sort, to what.

    `sort` is one of the deletions' (on the key's own date, or as confirmed), expiry,
    rotation or one of the grants'; `holder` and `right` say whose right ends. A `held`
    deletion waits for somebody.
    """

    at: datetime
    sort: str
    number: str
    key_id: UUID | None = None
    key_name: str = ""
    region: str = ""
    holder: str = ""
    right: str = ""
    held: bool = False

    @property
    def place(self) -> str:
        """Return where to go on behind this."""
        return f"{self.at.isoformat()} {self.sort} {self.number}"


def _known_place(value: str) -> str:
    if value:
        at, _, rest = value.partition(" ")
        try:
            moment = datetime.fromisoformat(at)
        except ValueError:
            raise InvalidParameterValue("After") from None
        if moment.tzinfo is None or len(rest.split(" ")) != 2:  # noqa: PLR2004
            raise InvalidParameterValue("After")
    return value


class ListScheduledInput(OperationInput):
    """Where to go on: behind something to come, before an event that was."""

    after: Annotated[
        str, Field(max_length=_LONGEST_PLACE), AfterValidator(_known_place)
    ] = ""
    before: WholeNumber | None = None
    limit: Annotated[WholeNumber, Field(ge=1, le=100)] = 25


class ListScheduled(Operation):
    """The next 30 days and the last ones, of what the caller may see."""

    effect = Effect.READ
    scope = Scope.LISTING
    permission = "DescribeKey"
    api = False
    Input = ListScheduledInput

    def perform(self, data: ListScheduledInput) -> dict[str, Any]:
        """Return a page of each, and how beat, worker and clock are.

        `Sweeps` holds figures of the whole installation, for its operator alone.
        """
        found = list(islice(self._coming(data), data.limit + 1))
        coming = found[: data.limit]
        events, older = self._happened(data)
        return {
            "Coming": coming,
            "Later": coming[-1].place if len(found) > data.limit else "",
            "Happened": events,
            "Older": older,
            "Health": health.heartbeats() or {},
            "Seen": dict(Heartbeat.objects.values_list("name", "at")),
            "Clock": ClockState.objects.filter(pk=1).first(),
            "Sweeps": self._sweeps(),
        }

    def _coming(self, data: ListScheduledInput) -> Iterator[Coming]:
        """Yield what comes, in order; each source gives no more than a page."""
        keys = self.call.visible(type(self), CustomerMasterKey.objects.all())
        sources: list[tuple[str, QuerySet[Any], str, Callable[[Any], Coming]]] = [
            (
                "deletion",
                deletions_by_date(keys),
                "deletion_date",
                partial(_of_key, "deletion", "deletion_date"),
            ),
            (
                "deletion-2",
                confirmed_deletions(keys),
                "runs_at",
                partial(_of_key, "deletion-2", "runs_at"),
            ),
            (
                "expiry",
                keys.expiring(),
                "material_valid_to",
                partial(_of_key, "expiry", "material_valid_to"),
            ),
            (
                "rotation",
                keys.rotating(),
                "next_rotation_at",
                partial(_of_key, "rotation", "next_rotation_at"),
            ),
        ]
        sources += [
            (sort, rows, "expires_at", partial(_grant, sort))
            for sort, rows in self._grants()
        ]
        until = clock.now() + AHEAD
        parts = [
            map(told, _behind(rows, sort, column, until, data))
            for sort, rows, column, told in sources
        ]
        return merge(*parts, key=attrgetter("at", "sort", "number"))

    def _grants(self) -> Iterable[tuple[str, QuerySet[Any]]]:
        """Return the rights that end: one's own, those of all for who manages them."""
        who = self.call.principal
        everybody = has_full_access(self.call)
        of_users = {"user__account_id": who.account_uin}
        of_groups = {"group__owner__account_id": who.account_uin}
        if not everybody:
            of_users["user__uin"] = who.uin
            of_groups["group__owner__membership__user__uin"] = who.uin
        for sort, model, owner in (
            ("grant-1", UserKeyGrant, of_users),
            ("grant-2", UserAccountGrant, of_users),
            ("grant-3", GroupKeyGrant, of_groups),
            ("grant-4", GroupAccountGrant, of_groups),
        ):
            more: tuple[str, ...] = (
                ("user",) if owner is of_users else ("group__owner",)
            )
            if model in (UserKeyGrant, GroupKeyGrant):
                more = (*more, "content_object")
            rows = model.objects.filter(expires_at__isnull=False, **owner)
            yield sort, rows.select_related("permission", *more)

    def _happened(self, data: ListScheduledInput) -> tuple[list[AuditEvent], int]:
        """Return events of the service about keys whose events the caller may list."""
        events = AuditEvent.objects.filter(
            queries.by_the_service(), account_uin=self.call.principal.account_uin
        ).order_by("-sequence")
        if data.before is not None:
            events = events.filter(sequence__lt=data.before)
        some = list(events[:EXAMINED])
        ids = {event.key_id for event in some if event.key_id}
        keys = CustomerMasterKey.objects.filter(pk__in=ids)
        visible = self.call.visible(ListKeyEvents, keys).values_list("pk", flat=True)
        known = {str(key_id) for key_id in visible}
        fitting = [event for event in some if event.key_id in known]
        page = fitting[: data.limit]
        if len(fitting) > data.limit:
            return page, page[-1].sequence
        return page, some[-1].sequence if len(some) == EXAMINED else 0

    def _sweeps(self) -> list[SweepRun]:
        operators = User.objects.filter(uin=self.call.principal.uin, is_staff=True)
        return list(SweepRun.objects.order_by("name")) if operators.exists() else []


def _behind(
    rows: "QuerySet[Any]",
    sort: str,
    column: str,
    until: datetime,
    data: ListScheduledInput,
) -> "QuerySet[Any]":
    """Return up to a page of rows, oldest first, behind the place that was asked."""
    rows = rows.filter(**{f"{column}__lte": until})
    if data.after:
        at, last_sort, number = data.after.split(" ")
        moment = datetime.fromisoformat(at).astimezone(UTC)
        later = Q(**{f"{column}__gt": moment})
        if sort == last_sort:
            later |= Q(**{column: moment, "pk__gt": _number(rows.model, number)})
        elif sort > last_sort:
            later |= Q(**{column: moment})
        rows = rows.filter(later)
    return rows.order_by(column, "pk")[: data.limit + 1]


def _number(model: type[Model], text: str) -> Any:
    try:
        return UUID(text) if model is CustomerMasterKey else int(text)
    except ValueError:
        raise InvalidParameterValue("After") from None


def _of_key(sort: str, column: str, key: CustomerMasterKey) -> Coming:
    return Coming(
        at=getattr(key, column),
        sort=sort,
        number=str(key.pk),
        key_id=key.pk,
        key_name=key.alias,
        region=key.region,
        held=getattr(key, "held", False),
    )


def _grant(sort: str, row: Any) -> Coming:
    key = (
        row.content_object
        if isinstance(row.content_object, CustomerMasterKey)
        else None
    )
    holder = row.user.name if hasattr(row, "user") else row.group.owner.name
    return Coming(
        at=row.expires_at,
        sort=sort,
        # As wide as the rest, so that numbers are ordered as texts, too.
        number=f"{row.pk:020}",
        key_id=key.pk if key is not None else None,
        key_name=key.alias if key is not None else "",
        region=key.region if key is not None else "",
        holder=holder,
        right=row.permission.codename,
    )
