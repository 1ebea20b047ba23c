"""What the key pages share. Rules are not here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext

from keys.errors import CmkStateNotSupport
from keys.models import CustomerMasterKey
from keys.operations import DescribeKey
from kmsconsole.errors import KMSError, UnauthorizedOperation
from kmsconsole.forms import WireForm
from kmsconsole.operations import Operation, Result
from kmsconsole.pages import OperationView
from kmsconsole.principals import Call


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that can be done with a key; `reason` is why not now, or empty.

    One that is `folded` stands in the menu behind the buttons.
    """

    slug: str
    label: str | Promise
    icon: str
    url: str
    reason: str
    folded: bool = False


def refusal_against(
    operation: type[Operation], call: Call, key: CustomerMasterKey
) -> KMSError | None:
    """Ask the operation itself how it would refuse this key; None if it would not."""
    if not call.decide(operation, key).allowed:
        return UnauthorizedOperation(operation=operation.needs())
    probe = operation(call)
    probe.resources = (key,)
    try:
        probe.check(None)
    except KMSError as refusal:
        return refusal
    return None


def reason_against(
    operation: type[Operation], call: Call, key: CustomerMasterKey
) -> str:
    """Return why the operation would refuse this key, in words; empty if not."""
    refusal = refusal_against(operation, call, key)
    if refusal is None:
        return ""
    if isinstance(refusal, CmkStateNotSupport):
        return state_words(key)
    return refusal.message


def state_words(key: CustomerMasterKey) -> str:
    """Return that a state is in the way, by the name the page has for it."""
    words = {"state": key.get_state_display()}
    return gettext("Not possible while the key's state is “%(state)s”.") % words


class KeyView(OperationView):
    """An operation on one key. Seeing the key is an operation too, and recorded."""

    key_id: str

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Note which key this is about."""
        super().setup(request, *args, **kwargs)
        self.key_id = str(kwargs["key_id"])

    @cached_property
    def key(self) -> CustomerMasterKey:
        """The key as this request finds it."""
        described = DescribeKey.execute(self.call, {"KeyId": self.key_id})
        key: CustomerMasterKey = described.resources[0]
        return key

    def subjects(self) -> Sequence[CustomerMasterKey]:
        """Return the key."""
        return (self.key,)

    def asking(self) -> Call:
        """Return the call with the rights on this key, read once for the page."""
        return self.glance

    @cached_property
    def glance(self) -> Call:
        """What the caller may do with the key, as the page finds it."""
        return self.call.glance([self.key])

    def parameters(self) -> dict[str, Any]:
        """Return the key ID of the address."""
        return {"KeyId": self.key_id}

    def offers(self, views: "Iterable[type[OfferedView]]") -> list[Offer]:
        """Return what can be done with the key, and where it can't, why."""
        key, call = self.key, self.glance
        return [view.offer(call, key) for view in views if view.changes(key)]

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the key and where the form goes."""
        return {"key": self.key, "url": self.request.path}

    def after(self, result: Result) -> str:
        """Lead back to the key."""
        return reverse("keys:details", args=[self.key_id])


class OfferedView(KeyView):
    """An operation that the key's page offers as a button."""

    slug: ClassVar[str]
    label: ClassVar[str | Promise]
    icon: ClassVar[str]
    done: ClassVar[str | Promise]
    folded: ClassVar[bool] = False
    in_banner: ClassVar[bool] = False

    @classmethod
    def changes(cls, key: CustomerMasterKey) -> bool:  # noqa: ARG003 - for overriding
        """Say whether there is anything to offer: nobody enables an enabled key."""
        return True

    @classmethod
    def offer(cls, call: Call, key: CustomerMasterKey) -> Offer:
        """Return the button for this key."""
        return Offer(
            slug=cls.slug,
            label=cls.label,
            icon=cls.icon,
            url=reverse("keys:operation", args=[key.id, cls.slug]),
            reason=cls.reason(call, key),
            folded=cls.folded,
        )

    @classmethod
    def reason(cls, call: Call, key: CustomerMasterKey) -> str:
        """Return why the button can't be used now; empty where it can."""
        return reason_against(cls.operation, call, key)

    def after(self, result: Result) -> str:
        """Say that it is done."""
        messages.success(self.request, str(self.done))
        return super().after(result)
