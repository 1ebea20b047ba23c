"""Asking for access to one key for a while, and deciding about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from django.utils.translation import gettext as _
from pydantic import Field

from accessctl import evaluator
from accessctl.errors import (
    NotOneself,
    RequestDecided,
    RequesterGone,
    RequestLimitReached,
    RequestNotFound,
    RightNotDelegable,
    RootNeedsNoRights,
    UserNotFound,
)
from accessctl.models import AccessRequest, User
from accessctl.models.requests import RequestState
from accessctl.operations.grants import (
    GrantAccess,
    check_right,
    find_key,
    give,
    present_right,
)
from accessctl.operations.rights import KeyName
from accessctl.roles import delegable
from accessctl.whatif import Wish, differences
from keys.errors import CmkNotFound
from keys.models import CustomerMasterKey
from keys.operations import DescribeKey
from keys.operations.base import KeyId
from kmsconsole import clock
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.principals import Kind

MOST_OPEN = 20
MOST_HOURS = 720
MOST_SHOWN = 100

Hours = Annotated[WholeNumber, Field(ge=1, le=MOST_HOURS)]


class RequestAccessInput(OperationInput):
    """Which right, on which key, for how long and why."""

    key_id: KeyId
    right: Annotated[str, Field(min_length=1, max_length=64)]
    hours: Hours
    reason: Annotated[str, Field(min_length=1, max_length=255)]


class RequestAccess(Operation):
    """Ask for a right on a key; the answer tells nothing about the key."""

    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    audited_fields = ("right", "hours", "reason")
    Input = RequestAccessInput

    def check(self, data: RequestAccessInput) -> None:
        """Refuse what is no right on a key, and the root user."""
        self.details["KeyId"] = str(data.key_id)
        if self.call.principal.kind is not Kind.SUB:
            raise RootNeedsNoRights
        check_right(data.right, on_key=True)

    def perform(self, data: RequestAccessInput) -> dict[str, Any]:
        """Return the request's number; one that is open already is not made again."""
        who = self.call.principal
        # The row of the person keeps two of their forms from being sent at once.
        person = User.objects.select_for_update().filter(uin=who.uin).first()
        if person is None:
            raise UserNotFound
        mine = AccessRequest.objects.filter(requester=person, state=RequestState.OPEN)
        same = mine.filter(key_id=data.key_id, right=data.right).first()
        if same is not None:
            return {"RequestId": same.id, "Changed": False}
        if mine.count() >= MOST_OPEN:
            raise RequestLimitReached(limit=MOST_OPEN)
        made = AccessRequest.objects.create(
            account_id=who.account_uin,
            requester=person,
            right=data.right,
            region=self.call.region,
            key_id=data.key_id,
            hours=data.hours,
            reason=data.reason,
            created_at=clock.now(),
        )
        self.details["RequestId"] = made.id
        return {"RequestId": made.id, "Changed": True}


class RequestInput(OperationInput):
    """A request by its number."""

    request_id: WholeNumber


class WithdrawAccessRequest(Operation):
    """Take back a request of one's own that is still open."""

    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    audited_fields = ("request_id",)
    Input = RequestInput

    def perform(self, data: RequestInput) -> dict[str, Any]:
        """Return whether it was open until now."""
        asked = (
            AccessRequest.objects.select_for_update()
            .filter(id=data.request_id, requester__uin=self.call.principal.uin)
            .first()
        )
        if asked is None:
            raise RequestNotFound
        if asked.state == RequestState.WITHDRAWN:
            return {"Changed": False}
        if asked.state != RequestState.OPEN:
            raise RequestDecided(outcome=outcome(asked))
        asked.state = RequestState.WITHDRAWN
        asked.decided_at = clock.now()
        asked.save(update_fields=["state", "decided_at"])
        return {"Changed": True}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with its key as the reader may see it."""

    request: AccessRequest
    key: KeyName


class ListAccessRequests(Operation):
    """One's own requests, and the open ones that one may decide."""

    effect = Effect.READ
    scope = Scope.CALLER
    api = False

    def perform(self, data: Any) -> dict[str, Any]:
        """Return both, newest first, and the last ones decided by or before others."""
        who = self.call.principal
        others = AccessRequest.objects.filter(account_id=who.account_uin)
        others = others.exclude(requester__uin=who.uin)
        if not evaluator.has_full_access(self.call):
            others = others.filter(key_id__in=self._keys())
        order = others.select_related("requester").order_by("-created_at", "-id")
        pending = order.filter(state=RequestState.OPEN)[:MOST_SHOWN]
        decided = order.exclude(state=RequestState.OPEN)[:MOST_SHOWN]
        own = AccessRequest.objects.filter(requester__uin=who.uin)
        own = own.select_related("requester").order_by("-created_at", "-id")[
            :MOST_SHOWN
        ]
        rows = {"Own": list(own), "Open": list(pending), "Decided": list(decided)}
        names = self._names({r.key_id for found in rows.values() for r in found})
        return {
            label: [
                Asked(row, names.get(row.key_id, KeyName(row.key_id))) for row in found
            ]
            for label, found in rows.items()
        }

    def _keys(self) -> Any:
        """Return the IDs of the keys that the caller may give rights on."""
        keys = CustomerMasterKey.objects.filter(
            account_uin=self.call.principal.account_uin
        )
        return self.call.visible(GrantAccess, keys).values("id")

    def _names(self, ids: Iterable[UUID]) -> Mapping[UUID, KeyName]:
        keys = CustomerMasterKey.objects.filter(id__in=ids)
        rows = self.call.visible(DescribeKey, keys)
        return {
            row[0]: KeyName(*row)
            for row in rows.values_list("id", "alias", "region", "state")
        }


class _AboutRequest(Operation):
    """An operation on a request by somebody who may give rights on its key."""

    scope = Scope.KEY
    api = False
    permission = "GrantAccess"

    asked: AccessRequest | None
    key: CustomerMasterKey | None

    def locate(self, data: Any) -> Sequence[CustomerMasterKey | None]:
        """Find the request and its key in the caller's account."""
        account_uin = self.call.principal.account_uin
        rows = AccessRequest.objects.filter(account_id=account_uin)
        if self.changing:
            rows = rows.select_for_update()
        self.asked = rows.filter(id=data.request_id).first()
        self.key = find_key(account_uin, self.asked.key_id) if self.asked else None
        return [self.key]

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the key in its event."""
        return (str(resource.id), None) if resource is not None else (None, None)

    def check(self, data: Any) -> None:
        """Refuse a request that isn't there."""
        if self.asked is None:
            raise RequestNotFound


class DescribeAccessRequest(_AboutRequest):
    """A request, and what agreeing to it would change."""

    effect = Effect.READ
    audited_fields = ("request_id",)
    Input = RequestInput

    def perform(self, data: RequestInput) -> dict[str, Any]:
        """Return the request, its key or None, and the differences."""
        asked = self.asked
        assert asked is not None
        until = clock.now() + timedelta(hours=asked.hours)
        found = []
        if self.key is not None and asked.state == RequestState.OPEN:
            wish = Wish((asked.right,), self.key, until)
            found = differences(
                asked.account_uin, self.key.region, [asked.requester], wish
            )
        return {"Request": asked, "Key": self.key, "Differences": found}


class DecideAccessRequestInput(RequestInput):
    """Granted or refused; `Hours` from now, those that were asked for without it."""

    grant: bool
    hours: Hours | None = None
    answer: Annotated[str, Field(max_length=255)] = ""


class DecideAccessRequest(_AboutRequest):
    """Grant a request for a while, or refuse it."""

    effect = Effect.CHANGE
    step_up = True
    audited_fields = ("request_id", "grant", "answer")
    Input = DecideAccessRequestInput

    def check(self, data: DecideAccessRequestInput) -> None:
        """Refuse one's own, what is decided already, and what isn't one's to give."""
        super().check(data)
        asked = self.asked
        assert asked is not None
        if asked.requester.uin == self.call.principal.uin:
            raise NotOneself
        if asked.state != RequestState.OPEN:
            if not self._same(asked, data):
                raise RequestDecided(outcome=outcome(asked))
            return
        if not data.grant:
            return
        if self.key is None:
            raise CmkNotFound
        if not asked.requester.is_active or asked.requester.deleted_at is not None:
            raise RequesterGone
        if not delegable(asked.right) and not evaluator.has_full_access(self.call):
            raise RightNotDelegable

    def _same(self, asked: AccessRequest, data: DecideAccessRequestInput) -> bool:
        """Say whether the caller decided just this before: sent twice."""
        decided = RequestState.GRANTED if data.grant else RequestState.REFUSED
        by_me = asked.decided_by_uin == self.call.principal.uin
        return asked.state == decided and by_me

    def perform(self, data: DecideAccessRequestInput) -> dict[str, Any]:
        """Return whether it was decided just now, and until when the right holds."""
        asked, who = self.asked, self.call.principal
        assert asked is not None
        self.details |= {"Right": asked.right, "User": asked.requester.name}
        if asked.state != RequestState.OPEN:
            return {"Changed": False, "Until": asked.until}
        if data.grant:
            asked.until = self._give(asked, data.hours or asked.hours)
            self.details["Until"] = asked.until and asked.until.isoformat()
        asked.state = RequestState.GRANTED if data.grant else RequestState.REFUSED
        asked.decided_at = clock.now()
        asked.decided_by_uin, asked.decided_by_name = who.uin, who.name
        asked.answer = data.answer
        asked.save()
        return {"Changed": True, "Until": asked.until}

    def _give(self, asked: AccessRequest, hours: int) -> Any:
        """Give the right, unless it is there for longer; return its end, if any."""
        assert self.key is not None
        until = clock.now() + timedelta(hours=hours)
        present = present_right(asked.requester, asked.right, self.key)
        if present is not None and (
            present.expires_at is None or present.expires_at >= until
        ):
            return present.expires_at
        give(
            asked.requester,
            asked.right,
            self.key,
            until=until,
            source=f"request:{asked.id}",
            granted_by_uin=self.call.principal.uin,
            granted_by_name=self.call.principal.name,
        )
        return until


def outcome(asked: AccessRequest) -> str:
    """Say how a request ended and who decided it."""
    if asked.state == RequestState.WITHDRAWN:
        return _("its sender withdrew it")
    name = {"name": asked.decided_by_name}
    if asked.state == RequestState.GRANTED:
        return _("%(name)s granted it") % name
    return _("%(name)s refused it") % name
