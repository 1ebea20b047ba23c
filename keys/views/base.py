"""What the key pages share: one operation, its form, one answer. Rules are not here."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.views.generic import View
from django_htmx.http import HttpResponseClientRedirect

from keys.errors import CmkStateNotSupport
from keys.forms.base import WireForm
from keys.models import CustomerMasterKey
from keys.operations import DescribeKey
from kmsconsole.errors import KMSError, UnauthorizedOperation
from kmsconsole.operations import Operation, Result
from kmsconsole.principals import Call
from kmsconsole.views import console_call


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
    if not call.principal.decide(operation, key).allowed:
        return UnauthorizedOperation(operation=operation.__name__)
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
        words = {"state": key.get_state_display()}
        return gettext("Not possible while the key's state is “%(state)s”.") % words
    return refusal.message


class OperationView(View):
    """A page with a form for one operation; `template` has the partial `part`.

    With htmx only the partial is answered, without it the whole page. After a change
    the browser is sent on, so that reloading repeats nothing.
    """

    operation: ClassVar[type[Operation]]
    form: ClassVar[type[WireForm]]
    template: ClassVar[str]
    part: ClassVar[str] = "dialog"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Note who calls."""
        super().setup(request, *args, **kwargs)
        self.call = console_call(request)

    @property
    def by_htmx(self) -> bool:
        """Whether a part of the page is asked for."""
        return bool(self.request.htmx)  # type: ignore[attr-defined]

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return what the template needs beside form and refusal."""
        return {}

    def parameters(self) -> dict[str, Any]:
        """Return the parameters that the address holds."""
        return {}

    def initial(self) -> dict[str, Any]:
        """Return what stands in the form at first."""
        return {}

    def after(self, result: Result) -> str:
        """Say what happened and return where to go on."""
        raise NotImplementedError

    def page(
        self, form: WireForm, refusal: KMSError | None = None, **more: Any
    ) -> HttpResponse:
        """Show the form; a refusal stands at its field, or on top."""
        on_top = refusal if refusal is not None and not form.refuse(refusal) else None
        part = f"#{self.part}" if self.by_htmx else ""
        return render(
            self.request,
            f"{self.template}{part}",
            {"form": form, "refusal": on_top} | self.context(form) | more,
            status=refusal.http_status if refusal else 200,
        )

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the form."""
        return self.page(self.form(initial=self.initial()))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Run the operation."""
        form = self.form(request.POST, request.FILES)
        if not form.is_valid():
            return self.page(form)
        try:
            data = self.parameters() | form.wire()
            result = self.operation.execute(self.call, data)
        except KMSError as refusal:
            return self.page(form, refusal)
        url = self.after(result)
        # htmx would follow a redirect itself and put that page into this one.
        return HttpResponseClientRedirect(url) if self.by_htmx else redirect(url)


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

    def parameters(self) -> dict[str, Any]:
        """Return the key ID of the address."""
        return {"KeyId": self.key_id}

    def offers(self, views: "Iterable[type[OfferedView]]") -> list[Offer]:
        """Return what can be done with the key, and where it can't, why."""
        return [
            view.offer(self.call, self.key) for view in views if view.changes(self.key)
        ]

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
