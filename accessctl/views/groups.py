"""Pages of groups."""

from functools import cached_property
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import View

from accessctl.forms.groups import GroupForm
from accessctl.operations import (
    AddGroupMembers,
    CreateGroup,
    DeleteGroup,
    DescribeGroup,
    ListGroups,
    ListSubAccounts,
    RemoveGroupMembers,
    UpdateGroup,
)
from accessctl.operations.base import MOST_AT_ONCE
from accessctl.views.deeds import DeedView, Words, pick
from accessctl.views.lists import NameList
from kmsconsole.operations import Result
from kmsconsole.views import console_call


class GroupList(NameList):
    """The account's groups."""

    operation = ListGroups
    template = "accessctl/groups.html"

    def rows(self, output: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what stands in the rows."""
        rows: list[dict[str, Any]] = output["Groups"]
        return rows

    def total(self, number: int) -> str:
        """Say how many there are."""
        return ngettext("%(n)s group", "%(n)s groups", number) % {"n": number}


class GroupPage(View):
    """Everything about one group."""

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show the page."""
        result = DescribeGroup.execute(console_call(request), {"GroupName": name})
        (group,) = result.resources
        page = reverse("access_group", args=[group.name])
        context = {"group": group, "about": result.output, "page": page}
        return render(request, "accessctl/group.html", context)


class CreateGroupView(DeedView):
    """Makes a group."""

    operation = CreateGroup
    form = GroupForm
    home = "access_groups"
    title = _("Create a group")
    consequence = _("Members are added on the next page.")
    button = _("Create group")

    def after(self, result: Result) -> str:
        """Lead to the new one, which needs members."""
        return reverse("access_group", args=[result.output["GroupName"]])


class GroupDeed(DeedView):
    """A dialog about one group, which stands in the address."""

    home = "access_groups"
    slug: ClassVar[str]

    def back(self) -> str:
        """Return the page somebody came from, or the group's."""
        own = reverse("access_group", args=[self.name])
        return super().back() if "back" in self.request.GET else own

    @cached_property
    def present(self) -> dict[str, Any]:
        """The group as this request finds it."""
        return DescribeGroup.execute(self.call, {"GroupName": self.name}).output

    def parameters(self) -> dict[str, Any]:
        """Name the group."""
        return {"GroupName": self.name}


class EditGroupView(GroupDeed):
    """Changes name and remark."""

    operation = UpdateGroup
    form = GroupForm
    slug = "edit"
    title = _("Edit the group")
    consequence = _("Members, rights and policies stay with the group.")
    button = _("Save")

    def initial(self) -> dict[str, Any]:
        """Begin with what is."""
        return {"Name": self.present["GroupName"], "Remark": self.present["Remark"]}

    def after(self, result: Result) -> str:
        """Lead to the group, by its present name."""
        return reverse("access_group", args=[result.output["GroupName"]])


class AddMembersView(GroupDeed):
    """Puts people into the group."""

    operation = AddGroupMembers
    slug = "add-members"
    title = _("Add members")
    consequence = _("They get the rights of the group at once.")
    button = _("Add members")

    def parameters(self) -> dict[str, Any]:
        """Name the group and the people."""
        return {"GroupName": self.name, "Users": self.users}

    def chosen(self) -> list[dict[str, str]]:
        """Name nobody: they are ticked in the dialog."""
        return []

    def picks(self) -> list[dict[str, Any]]:
        """Return the sub-accounts that aren't members."""
        inside = [row["User"] for row in self.present["Members"]]
        found = ListSubAccounts.execute(self.call, {"Limit": MOST_AT_ONCE}).output
        return [pick("Users", found, inside, self.users)]

    def done(self, result: Result) -> str:
        """Say what happened."""
        n = result.output["Added"]
        words = ngettext("%(n)s member was added.", "%(n)s members were added.", n)
        return words % {"n": n}


class RemoveMembersView(GroupDeed):
    """Takes people out of the group."""

    operation = RemoveGroupMembers
    slug = "remove-members"
    title = _("Remove from the group?")
    consequence = _("They lose at once what they may do through this group alone.")
    button = _("Remove from the group")
    danger = True

    def heading(self) -> Words:
        """Name the group."""
        return gettext("Remove from the group %(name)s?") % {"name": self.name}

    def parameters(self) -> dict[str, Any]:
        """Name the group and the people."""
        return {"GroupName": self.name, "Users": self.users}

    def done(self, result: Result) -> str:
        """Say what happened."""
        n = result.output["Removed"]
        words = ngettext("%(n)s member was removed.", "%(n)s members were removed.", n)
        return words % {"n": n}


class DeleteGroupView(GroupDeed):
    """Deletes the group."""

    operation = DeleteGroup
    slug = "delete"
    title = _("Delete the group?")
    consequence = _(
        "This can't be undone. Its members lose at once what they may do through this "
        "group alone; its rights and attached policies are deleted with it. The "
        "members themselves stay."
    )
    button = _("Delete group")
    danger = True

    def chosen(self) -> list[dict[str, str]]:
        """Name the group; the address repeats it."""
        return [{"field": "", "name": self.name}]

    def after(self, result: Result) -> str:
        """Say what happened and go to the list."""
        super().after(result)
        return reverse(self.home)

    def done(self, result: Result) -> str:
        """Say what happened."""
        return gettext("The group %(name)s was deleted.") % {"name": self.name}


_DEEDS: tuple[type[GroupDeed], ...] = (
    EditGroupView,
    AddMembersView,
    RemoveMembersView,
    DeleteGroupView,
)
_BY_SLUG = {view.slug: view.as_view() for view in _DEEDS}


def group_deed(request: HttpRequest, name: str, slug: str) -> HttpResponseBase:
    """Hand over to the dialog about this group."""
    if slug not in _BY_SLUG:
        raise Http404
    return _BY_SLUG[slug](request, name=name)
