"""Giving and taking rights: first what would change for whom, then the doing.

What is wanted stands in the address. So the preview is a page, a proof that was asked
for leads back to it, and nothing has to be typed twice.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy
from django_htmx.http import HttpResponseClientRedirect

from accessctl import evaluator
from accessctl.forms.rights import ChangeAccessForm, GrantForm, in_a_week
from accessctl.operations import (
    GrantAccess,
    ListGrantees,
    PreviewAccess,
    RevokeAccess,
)
from accessctl.views.words import changed, everything, right_label, rights_to_choose
from kmsconsole.errors import KMSError, MissingParameter, StepUpRequired
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.pages import OperationView

MOST_PEOPLE = 20


class ChangeAccessView(OperationView):
    """Shows what a change would do; sent, it does it."""

    part = "whatif"
    done: ClassVar[str | Promise]
    nothing: ClassVar[str | Promise]
    taken: ClassVar[bool] = False

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the form, and the preview once it is filled in; no proof is needed."""
        if "Right" not in request.GET:
            return self.page(self.form(initial=self.initial() | request.GET.dict()))
        return self._previewed(self.form(request.GET))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Do what the address asks for."""
        form = self.form(request.GET)
        if not form.is_valid():
            return self.page(form)
        try:
            result = self.operation.execute(self.call, form.wire())
        except StepUpRequired:
            raise
        except KMSError as refusal:
            return self._previewed(form, refusal)
        url = self.after(result)
        return HttpResponseClientRedirect(url) if self.by_htmx else redirect(url)

    def _previewed(
        self, form: WireForm, refusal: KMSError | None = None
    ) -> HttpResponse:
        if not form.is_valid():
            return self.page(form)
        data = form.wire() | ({"Taken": True} if self.taken else {})
        try:
            found = PreviewAccess.execute(self.call, data).output["Differences"]
        except KMSError as error:
            return self.page(form, refusal or error)
        shown = changed(found)
        different = [one for one in shown if not one.none]
        return self.page(
            form,
            refusal,
            previewed=True,
            people=different[:MOST_PEOPLE],
            more=max(0, len(different) - MOST_PEOPLE),
            unchanged=[one for one in shown if one.none][:MOST_PEOPLE],
            alike=len(shown) - len(different),
            empty_group=not shown,
        )

    @cached_property
    def listed(self) -> Result:
        """Whom rights can be given to, on which key; refuses whoever may give none."""
        key_id = self.request.GET.get("KeyId", "")
        return ListGrantees.execute(self.call, {"KeyId": key_id} if key_id else {})

    def subjects(self) -> Sequence[Any]:
        """Return the key of the address, if there is one."""
        return self.listed.resources

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return whom and what one may choose."""
        key_id = self.request.GET.get("KeyId", "")
        right = form["Right"].value() or ""
        return {
            "view": self,
            "key_id": key_id,
            "right": right,
            "right_label": right_label(right) if right else "",
            "full": bool(right) and everything(right) and not key_id,
            "holder": form["Holder"].value() or "user",
            "name": form["Name"].value() or "",
            "back": self.back(),
            "url": self.request.get_full_path(),
            "previewed": False,
        } | self.choices(key_id)

    def choices(self, key_id: str) -> dict[str, Any]:
        """Return what stands in the form; raises where nothing may be given."""
        listed = self.listed.output
        narrow = not evaluator.has_full_access(self.call)
        roles, operations = rights_to_choose(on_key=bool(key_id), narrow=narrow)
        return {
            "key": listed["Key"],
            "users": listed["Users"],
            "groups": listed["Groups"],
            "roles": roles,
            "operations": operations,
            "narrow": narrow,
        }

    def back(self) -> str:
        """Return where the reader came from, if that is here."""
        url = self.request.GET.get("back", "")
        own = url.startswith("/") and url_has_allowed_host_and_scheme(
            url,
            {self.request.get_host()},
            require_https=self.request.is_secure(),
        )
        if own:
            return url
        key_id = self.request.GET.get("KeyId")
        if key_id and len(key_id) == len("00000000-0000-0000-0000-000000000000"):
            return f"{reverse('keys:list')}{key_id}/access/"
        return reverse("access_mine")

    def after(self, result: Result) -> str:
        """Say what changed, if anything did."""
        words = self.done if result.output["Changed"] else self.nothing
        given = {
            "name": self.request.GET.get("Name", ""),
            "right": right_label(self.request.GET.get("Right", "")),
        }
        messages.success(self.request, str(words) % given)
        return self.back()


class GrantView(ChangeAccessView):
    """Gives a right, for good or until a time."""

    operation = GrantAccess
    form = GrantForm
    template = "accessctl/grant.html"
    done = gettext_lazy("%(name)s has the right “%(right)s” now.")
    nothing = gettext_lazy("%(name)s has the right “%(right)s” already.")

    def initial(self) -> dict[str, Any]:
        """Begin with a person, for good."""
        return {"Holder": "user", "Ends": "never", "Until": in_a_week()}


class RevokeView(ChangeAccessView):
    """Takes a right away."""

    operation = RevokeAccess
    form = ChangeAccessForm
    template = "accessctl/revoke.html"
    taken = True
    done = gettext_lazy("%(name)s no longer has the right “%(right)s”.")
    nothing = gettext_lazy("%(name)s doesn't have the right “%(right)s” any more.")

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show what would be lost."""
        form = self.form(request.GET)
        if not form.is_valid():
            raise MissingParameter(next(iter(form.errors)))
        return super().get(request, **kwargs)
