"""One thing done to many keys: first what it would do to which, then the doing."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import View
from django_htmx.http import HttpResponseClientRedirect

from keys.forms.batch import BatchForm, ScheduleKeysDeletionForm, TagKeysForm
from keys.models import CustomerMasterKey
from keys.operations import (
    ChooseKeys,
    DisableKeys,
    EnableKeys,
    ScheduleKeysDeletion,
    TagKeys,
)
from keys.states import KeyState
from keys.views.base import reason_against
from kmsconsole.errors import KMSError, StepUpRequired
from kmsconsole.operations import Operation
from kmsconsole.principals import Call
from kmsconsole.views import console_call

Reasons = list[tuple[CustomerMasterKey, str]]


class BatchView(View):
    """An operation on the keys that were ticked in the list.

    The preview is a page of its own address. It asks the operation itself which of the
    keys it would refuse; the form then names only the others.
    """

    operation: ClassVar[type[Operation]]
    form: ClassVar[type[BatchForm]] = BatchForm
    slug: ClassVar[str]
    label: ClassVar[str | Promise]
    icon: ClassVar[str]
    title: ClassVar[str | Promise]
    consequence: ClassVar[str | Promise]
    fields: ClassVar[str] = ""
    danger: ClassVar[bool] = False
    target: ClassVar[KeyState | None] = None
    already: ClassVar[str | Promise] = ""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Note who calls, how, and which keys were ticked."""
        super().setup(request, *args, **kwargs)
        self.call = console_call(request)
        self.by_htmx = bool(request.htmx)  # type: ignore[attr-defined]
        sent = request.POST if request.method == "POST" else request.GET
        self.ids = list(dict.fromkeys(sent.getlist("KeyIds")))

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show which of the keys can, and which can't and why."""
        if self.operation.step_up and not self.call.principal.fresh:
            raise StepUpRequired
        return self.page(self.form(initial=self.initial()))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Refuse whoever may do it to none of the keys."""
        if request.method != "POST":
            self._refuse_forbidden()
        return super().dispatch(request, *args, **kwargs)

    def _refuse_forbidden(self) -> None:
        try:
            keys = self._chosen() if self.ids else ()
        except KMSError:
            # The page says which of them can't be chosen.
            return
        call = self.call.glance(keys)
        if keys and not any(call.decide(self.operation, key).allowed for key in keys):
            self.operation.refuse_forbidden(call, keys)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it to the keys that the preview named."""
        form = self.form(request.POST)
        if not form.is_valid() or not form.confirms(len(self.ids)):
            return self.page(form)
        try:
            # Sent twice: what was wanted is so already, and nobody is told off.
            if not self._all_done():
                data = {"KeyIds": self.ids} | form.wire()
                self.operation.execute(self.call, data)
        except StepUpRequired:
            raise
        except KMSError as refusal:
            return self.page(form, refusal)
        messages.success(request, self.done(len(self.ids)))
        url = self.back()
        return HttpResponseClientRedirect(url) if self.by_htmx else redirect(url)

    def initial(self) -> dict[str, Any]:
        """Return what stands in the form at first."""
        return {name: field.initial for name, field in self.form.base_fields.items()}

    def done(self, number: int) -> str:
        """Say what happened to so many keys."""
        raise NotImplementedError

    def back(self) -> str:
        """Return the page of the list that the keys were ticked on."""
        url = self.request.GET.get("back", "")
        host = {self.request.get_host()}
        own = url.startswith("/") and url_has_allowed_host_and_scheme(
            url, host, require_https=self.request.is_secure()
        )
        return url if own else reverse("keys:list")

    def page(self, form: BatchForm, refusal: KMSError | None = None) -> HttpResponse:
        """Show the preview with the form."""
        able, unable, chosen_refusal = self._sorted()
        shown = refusal or chosen_refusal
        status = shown.http_status if shown else 200
        if refusal is not None and form.refuse(refusal):
            shown = chosen_refusal
        return render(
            self.request,
            "keys/batch.html#dialog" if self.by_htmx else "keys/batch.html",
            {
                "batch": self,
                "form": form,
                "refusal": shown,
                "able": able,
                "unable": unable,
                "back": self.back(),
                "url": self.request.get_full_path(),
            },
            status=status,
        )

    def _chosen(self) -> tuple[CustomerMasterKey, ...]:
        chosen = ChooseKeys.execute(self.call, {"KeyIds": self.ids})
        keys: tuple[CustomerMasterKey, ...] = chosen.resources
        return keys

    def _sorted(self) -> tuple[list[CustomerMasterKey], Reasons, KMSError | None]:
        if not self.ids:
            return [], [], None
        try:
            keys = self._chosen()
        except KMSError as refusal:
            return [], [], refusal
        call = self.call.glance(keys)
        reasons = [(key, self._reason(call, key)) for key in keys]
        able = [key for key, reason in reasons if not reason]
        return able, [(key, reason) for key, reason in reasons if reason], None

    def _reason(self, call: Call, key: CustomerMasterKey) -> str:
        if key.state == self.target:
            return str(self.already)
        return reason_against(self.operation, call, key)

    def _all_done(self) -> bool:
        if self.target is None or not self.ids:
            return False
        keys = self._chosen()
        as_wanted = [key for key in keys if key.state == self.target]
        return len(as_wanted) == len(self.ids)


class EnableKeysView(BatchView):
    """Lets keys be used again."""

    operation = EnableKeys
    slug = "enable-keys"
    label = gettext_lazy("Enable")
    icon = "power"
    title = gettext_lazy("Enable the chosen keys?")
    consequence = gettext_lazy(
        "From the next request on these keys encrypt and decrypt again, for everybody "
        "who may use them."
    )
    target = KeyState.ENABLED
    already = gettext_lazy("It is enabled already.")

    def done(self, number: int) -> str:
        """Say what happened to so many keys."""
        words = ngettext("%(n)s key is enabled.", "%(n)s keys are enabled.", number)
        return words % {"n": number}


class DisableKeysView(BatchView):
    """Stops every use of keys."""

    operation = DisableKeys
    slug = "disable-keys"
    label = gettext_lazy("Disable")
    icon = "ban"
    title = gettext_lazy("Disable the chosen keys?")
    consequence = gettext_lazy(
        "From the next request on nothing can be encrypted or decrypted with these "
        "keys: applications that depend on them will fail. Nothing is lost, and you "
        "can enable them again at any time."
    )
    danger = True
    target = KeyState.DISABLED
    already = gettext_lazy("It is disabled already.")

    def done(self, number: int) -> str:
        """Say what happened to so many keys."""
        words = ngettext(
            "%(n)s key is disabled: nothing is encrypted or decrypted with it.",
            "%(n)s keys are disabled: nothing is encrypted or decrypted with them.",
            number,
        )
        return words % {"n": number}


class ScheduleKeysDeletionView(BatchView):
    """Begins the waiting period of keys."""

    operation = ScheduleKeysDeletion
    form = ScheduleKeysDeletionForm
    slug = "schedule-keys-deletion"
    label = gettext_lazy("Schedule deletion")
    icon = "clock"
    title = gettext_lazy("Schedule the deletion of the chosen keys?")
    consequence = gettext_lazy(
        "When the waiting period ends the keys are destroyed in every place, and "
        "nobody can ever decrypt what they protect. Until then they can't be used, "
        "and you can cancel the deletion of each. If you are not sure, leave them "
        "disabled: that costs nothing and can be undone."
    )
    fields = "keys/batch_deletion.html"
    danger = True
    target = KeyState.PENDING_DELETE
    already = gettext_lazy("It is waiting to be deleted already.")

    def done(self, number: int) -> str:
        """Say what happened to so many keys."""
        words = ngettext(
            "%(n)s key is scheduled for deletion.",
            "%(n)s keys are scheduled for deletion.",
            number,
        )
        return words % {"n": number}


class TagKeysView(BatchView):
    """Adds a tag to keys."""

    operation = TagKeys
    form = TagKeysForm
    slug = "tag-keys"
    label = gettext_lazy("Tag")
    icon = "tag"
    title = gettext_lazy("Tag the chosen keys")
    consequence = gettext_lazy(
        "The tag is added beside those the keys have. A key that has a tag of this "
        "name already gets the new value."
    )
    fields = "keys/batch_tags.html"

    def done(self, number: int) -> str:
        """Say what happened to so many keys."""
        words = ngettext("%(n)s key was tagged.", "%(n)s keys were tagged.", number)
        return words % {"n": number}


BATCHES: tuple[type[BatchView], ...] = (
    EnableKeysView,
    DisableKeysView,
    TagKeysView,
    ScheduleKeysDeletionView,
)
_BY_SLUG = {view.slug: view.as_view() for view in BATCHES}


def batch(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Hand over to the page of this operation on many keys."""
    if slug not in _BY_SLUG:
        raise Http404
    return _BY_SLUG[slug](request)
