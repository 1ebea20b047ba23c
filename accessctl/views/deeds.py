"""Dialogs that do one thing: what it means, to whom, and the button."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.pages import OperationView
from kmsconsole.principals import Call

Words = str | Promise
# By the list a dialog begins at: its name, and the address of one of its rows.
_LISTS: dict[str, tuple[Words, str]] = {
    "access_users": (_("Sub-accounts"), "access_user"),
    "access_groups": (_("Groups"), "access_group"),
    "access_policies": (_("Policies"), "access_policy"),
}


class DeedView(OperationView):
    """Asks before one operation is run.

    What it is done to stands in the address: `name` in its path, `Users` and `Groups`
    in its query, repeated as hidden fields.
    """

    form: ClassVar[type[WireForm]] = WireForm
    template = "accessctl/deed.html"
    title: ClassVar[Words]
    consequence: ClassVar[Words]
    button: ClassVar[Words]
    danger: ClassVar[bool] = False
    home: ClassVar[str]

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Note what it is done to."""
        super().setup(request, *args, **kwargs)
        sent = request.POST if request.method == "POST" else request.GET
        self.name: str = kwargs.get("name", "")
        # The field for another name is empty most of the time.
        self.users = [name for name in dict.fromkeys(sent.getlist("Users")) if name]
        self.groups = [name for name in dict.fromkeys(sent.getlist("Groups")) if name]

    def subjects(self) -> Sequence[Any]:
        """Return the account; knows no dialog about what isn't there.

        Asked in this order, so that the refusal names what the dialog is for.
        """
        self.operation.refuse_forbidden(self.asking())
        if self.name:
            self.present  # noqa: B018 - refuses a name that nothing has
        return ()

    @cached_property
    def glance(self) -> Call:
        """The call with the rights on the account, read once for the page."""
        return self.call.glance(())

    def asking(self) -> Call:
        """Return it."""
        return self.glance

    @cached_property
    def present(self) -> dict[str, Any]:
        """What the name in the address stands for, as this request finds it."""
        raise NotImplementedError

    def back(self) -> str:
        """Return the page that somebody came from, or the list."""
        url = self.request.GET.get("back", "")
        own = url.startswith("/") and url_has_allowed_host_and_scheme(
            url, {self.request.get_host()}, require_https=self.request.is_secure()
        )
        return url if own else reverse(self.home)

    def done(self, result: Result) -> str:
        """Say what happened."""
        raise NotImplementedError

    def after(self, result: Result) -> str:
        """Say what happened and go back."""
        messages.success(self.request, self.done(result))
        return self.back()

    def heading(self) -> Words:
        """Return the question."""
        return self.title

    def chosen(self) -> list[dict[str, str]]:
        """Return what it is done to: the field that repeats it, name and reason."""
        return [
            *({"field": "Users", "name": name} for name in self.users),
            *({"field": "Groups", "name": name} for name in self.groups),
        ]

    def picks(self) -> list[dict[str, Any]]:
        """Return lists to tick names in: field, label, rows, a field for others."""
        return []

    def suggestions(self) -> list[str]:
        """Return names that a field proposes."""
        return []

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return what the dialog says."""
        return {
            "title": self.heading(),
            "consequence": self.consequence,
            "button": self.button,
            "danger": self.danger,
            "chosen": self.chosen(),
            "picks": self.picks(),
            "suggestions": self.suggestions(),
            "back": self.back(),
            "url": self.request.get_full_path(),
        } | self.trail()

    def trail(self) -> dict[str, Any]:
        """Return the way here, as `accessctl/crumbs.html` shows it."""
        words, one = _LISTS[self.home]
        return {
            "list": words,
            "list_url": reverse(self.home),
            "subject": self.name,
            "subject_url": reverse(one, args=[self.name]) if self.name else "",
            "here": self.heading(),
        }


# Field of the form, rows of the answer, name in the row, and what people call them.
_PICKED = {
    "Users": ("SubAccounts", "User", _("Sub-accounts"), _("Another sub-account")),
    "Groups": ("Groups", "GroupName", _("Groups"), _("Another group")),
}


def pick(
    field: str, found: dict[str, Any], without: list[str], ticked: list[str]
) -> dict[str, Any]:
    """Return a list to tick names in, as `DeedView.picks` has it.

    Where there are more than one page holds, another name can be typed.
    """
    rows, key, label, other = _PICKED[field]
    known = [row for row in found[rows] if row[key] not in without]
    listed = [
        {"name": row[key], "remark": row["Remark"], "ticked": row[key] in ticked}
        for row in known
    ]
    more = other if found["After"] else ""
    return {"field": field, "label": label, "rows": listed, "other": more}
