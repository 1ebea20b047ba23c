"""What can be done to the sub-accounts that were ticked, or to one from its page."""

from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accessctl.forms.people import GroupNameForm, PolicyNameForm
from accessctl.operations import (
    AddGroupMembers,
    AttachPolicy,
    DeleteSubAccount,
    DisableSubAccount,
    EnableSubAccount,
    EndSubAccountSessions,
    ListGroups,
    ListPolicies,
)
from accessctl.operations.base import MOST_AT_ONCE
from accessctl.views.deeds import DeedView, Words
from kmsconsole.operations import Result


class ChosenView(DeedView):
    """One thing done to several sub-accounts: all of them or none."""

    home = "access_users"
    slug: ClassVar[str]
    label: ClassVar[Words]
    icon: ClassVar[str]

    def parameters(self) -> dict[str, Any]:
        """Name the people."""
        return {"Users": self.users}


class EnableChosen(ChosenView):
    """Lets people in again."""

    operation = EnableSubAccount
    slug = "enable"
    label = button = _("Enable")
    icon = "power"
    title = _("Enable the sub-accounts?")
    consequence = _(
        "They can sign in and their access keys work again, with the rights they had."
    )

    def done(self, result: Result) -> str:
        """Say what happened."""
        n = len(result.resources)
        words = ngettext(
            "%(n)s sub-account is enabled.", "%(n)s sub-accounts are enabled.", n
        )
        return words % {"n": n}


class DisableChosen(ChosenView):
    """Shuts people out."""

    operation = DisableSubAccount
    slug = "disable"
    label = button = _("Disable")
    icon = "ban"
    title = _("Disable the sub-accounts?")
    consequence = _(
        "From the next request on they can't sign in, their sessions end and their "
        "access keys are refused: programs that use them will fail. Rights and groups "
        "stay, and you can enable them again at any time."
    )
    danger = True

    def done(self, result: Result) -> str:
        """Say what happened."""
        n = len(result.resources)
        words = ngettext(
            "%(n)s sub-account is disabled: it is shut out from now on.",
            "%(n)s sub-accounts are disabled: they are shut out from now on.",
            n,
        )
        return words % {"n": n}


class EndSessionsChosen(ChosenView):
    """Signs people out everywhere."""

    operation = EndSubAccountSessions
    slug = "end-sessions"
    label = button = _("End sessions")
    icon = "log-out"
    title = _("End every session?")
    consequence = _(
        "They are signed out in every browser and can sign in again. Access keys are "
        "not concerned."
    )

    def done(self, result: Result) -> str:
        """Say what happened."""
        n = len(result.resources)
        words = ngettext(
            "%(n)s sub-account was signed out everywhere.",
            "%(n)s sub-accounts were signed out everywhere.",
            n,
        )
        return words % {"n": n}


class AddToGroupChosen(ChosenView):
    """Puts people into a group."""

    operation = AddGroupMembers
    form = GroupNameForm
    slug = "add-to-group"
    label = button = _("Add to group")
    icon = "layers"
    title = _("Add to a group")
    consequence = _("They get the rights of the group at once.")

    def suggestions(self) -> list[str]:
        """Return the groups there are."""
        rows = ListGroups.execute(self.call, {"Limit": MOST_AT_ONCE}).output["Groups"]
        return [row["GroupName"] for row in rows]

    def done(self, result: Result) -> str:
        """Say what happened."""
        n = len(result.resources)
        words = ngettext(
            "%(n)s sub-account is in the group.",
            "%(n)s sub-accounts are in the group.",
            n,
        )
        return words % {"n": n}


class AttachChosen(ChosenView):
    """Gives people a policy."""

    operation = AttachPolicy
    form = PolicyNameForm
    slug = "attach-policy"
    label = button = _("Attach policy")
    icon = "file-key"
    title = _("Attach a policy")
    consequence = _("What the policy allows and denies holds at once.")

    def suggestions(self) -> list[str]:
        """Return the policies there are."""
        asked = {"Limit": MOST_AT_ONCE}
        rows = ListPolicies.execute(self.call, asked).output["Policies"]
        return [row["PolicyName"] for row in rows]

    def parameters(self) -> dict[str, Any]:
        """Name the people and groups."""
        return {"Users": self.users, "Groups": self.groups}

    def done(self, result: Result) -> str:
        """Say what happened."""
        return gettext("The policy is attached.")


class DeleteChosen(ChosenView):
    """Deletes people."""

    operation = DeleteSubAccount
    slug = "delete"
    label = button = _("Delete")
    icon = "x"
    title = _("Delete the sub-accounts?")
    consequence = _(
        "This can't be undone. They are shut out at once; access keys, second factors, "
        "rights, policies and memberships are deleted with them. Keys they created "
        "stay, and the audit keeps their names. If you are not sure, disable them."
    )
    danger = True

    def back(self) -> str:
        """Return the list: the page somebody came from may be gone with its person."""
        url = super().back()
        home = reverse(self.home)
        return home if url in [f"{home}{name}/" for name in self.users] else url

    def done(self, result: Result) -> str:
        """Say what happened."""
        n = len(result.resources)
        words = ngettext(
            "%(n)s sub-account was deleted.", "%(n)s sub-accounts were deleted.", n
        )
        return words % {"n": n}


CHOSEN: tuple[type[ChosenView], ...] = (
    EnableChosen,
    DisableChosen,
    EndSessionsChosen,
    AddToGroupChosen,
    AttachChosen,
    DeleteChosen,
)
_BY_SLUG = {view.slug: view.as_view() for view in CHOSEN}


def chosen(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Hand over to what is done to the chosen sub-accounts."""
    if slug not in _BY_SLUG:
        raise Http404
    return _BY_SLUG[slug](request)
