"""Pages of policies."""

import json
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import View

from accessctl.errors import PolicyChanged
from accessctl.forms.policies import BEGINNING, PolicyForm, PolicyTextForm
from accessctl.operations import (
    AttachPolicy,
    CreatePolicy,
    DeletePolicy,
    DescribePolicy,
    DetachPolicy,
    ListGroups,
    ListPolicies,
    ListSubAccounts,
    UpdatePolicy,
)
from accessctl.operations.base import MOST_AT_ONCE
from accessctl.views.deeds import DeedView, Words, pick
from accessctl.views.lists import NameList
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.pages import OperationView
from kmsconsole.views import console_call


class PolicyList(NameList):
    """Predefined policies and the account's own."""

    operation = ListPolicies
    template = "accessctl/policies.html"
    filters: ClassVar = {"kind": ("Kind", ("own", "predefined"))}

    def rows(self, output: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what stands in the rows."""
        rows: list[dict[str, Any]] = output["Policies"]
        return rows

    def total(self, number: int) -> str:
        """Say how many there are."""
        return ngettext("%(n)s policy", "%(n)s policies", number) % {"n": number}


def pretty(document: str) -> str:
    """Return a document with its parts on lines of their own."""
    try:
        return json.dumps(json.loads(document), indent=2, ensure_ascii=False)
    except ValueError:
        return document


class PolicyPage(View):
    """Everything about one policy."""

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show the page."""
        asked = {"PolicyName": name}
        about = DescribePolicy.execute(console_call(request), asked).output
        context = {
            "about": about,
            "document": pretty(about["Document"]),
            "page": reverse("access_policy", args=[about["PolicyName"]]),
        }
        return render(request, "accessctl/policy.html", context)


class PolicyEditor(OperationView):
    """A page with a document to edit; the operation reads it and says what is wrong."""

    template = "accessctl/edit_policy.html"
    part = "editor"

    def after(self, result: Result) -> str:
        """Lead to the policy."""
        name = result.output["PolicyName"]
        messages.success(self.request, gettext("%(name)s was saved.") % {"name": name})
        return reverse("access_policy", args=[name])


class CreatePolicyView(PolicyEditor):
    """Makes a policy, from nothing or from another one's document."""

    operation = CreatePolicy
    form = PolicyForm

    def initial(self) -> dict[str, Any]:
        """Begin with an example, or with the document of the policy `from`."""
        source = self.request.GET.get("from", "")
        if not source:
            return {"Document": BEGINNING}
        asked = {"PolicyName": source}
        found = DescribePolicy.execute(self.call, asked).output
        return {"Document": pretty(found["Document"])}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return where the form leads to."""
        return {
            "title": gettext("Create a policy"),
            "button": gettext("Create policy"),
            "back": reverse("access_policies"),
            "url": self.request.path,
        }


class EditPolicyView(PolicyEditor):
    """Changes a policy; nothing is lost where two people do."""

    operation = UpdatePolicy
    form = PolicyTextForm
    slug = "edit"

    def now(self) -> dict[str, Any]:
        """Return the policy as it is."""
        asked = {"PolicyName": self.kwargs["name"]}
        return DescribePolicy.execute(self.call, asked).output

    def parameters(self) -> dict[str, Any]:
        """Name the policy."""
        return {"PolicyName": self.kwargs["name"]}

    def initial(self) -> dict[str, Any]:
        """Begin with what is, and note its revision."""
        now = self.now()
        return {
            "Remark": now["Remark"],
            "Document": pretty(now["Document"]),
            "ExpectedRevision": now["Revision"],
        }

    def page(
        self, form: WireForm, refusal: KMSError | None = None, **more: Any
    ) -> HttpResponse:
        """Show the form, and beside it what somebody else saved meanwhile."""
        if isinstance(refusal, PolicyChanged):
            now = self.now()
            more["present"] = pretty(now["Document"])
            form.data = dict(form.data.items()) | {
                "ExpectedRevision": str(now["Revision"])
            }
        return super().page(form, refusal, **more)

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return where the form leads to."""
        name = self.kwargs["name"]
        return {
            "title": gettext("Edit %(name)s") % {"name": name},
            "button": gettext("Save"),
            "policy": name,
            "back": reverse("access_policy", args=[name]),
            "url": self.request.path,
        }


class PolicyDeed(DeedView):
    """A dialog about one policy, which stands in the address."""

    home = "access_policies"
    slug: ClassVar[str]

    def back(self) -> str:
        """Return the page somebody came from, or the policy's."""
        own = reverse("access_policy", args=[self.name])
        return super().back() if "back" in self.request.GET else own

    @cached_property
    def present(self) -> dict[str, Any]:
        """The policy as this request finds it."""
        return DescribePolicy.execute(self.call, {"PolicyName": self.name}).output

    def parameters(self) -> dict[str, Any]:
        """Name the policy, and whom it is about."""
        return {"PolicyName": self.name, "Users": self.users, "Groups": self.groups}


class AttachView(PolicyDeed):
    """Gives the policy to people and groups."""

    operation = AttachPolicy
    slug = "attach"
    title = _("Attach the policy")
    consequence = _("What the policy allows and denies holds at once.")
    button = _("Attach")

    def heading(self) -> Words:
        """Name the policy."""
        return gettext("Attach %(name)s") % {"name": self.name}

    def chosen(self) -> list[dict[str, str]]:
        """Name nobody: they are ticked in the dialog."""
        return []

    def picks(self) -> list[dict[str, Any]]:
        """Return groups and sub-accounts that don't have it."""
        now, page = self.present, {"Limit": MOST_AT_ONCE}
        groups = ListGroups.execute(self.call, page).output
        people = ListSubAccounts.execute(self.call, page).output
        return [
            pick("Groups", groups, now["Groups"], self.groups),
            pick("Users", people, now["Users"], self.users),
        ]

    def done(self, result: Result) -> str:
        """Say what happened."""
        return gettext("The policy is attached.")


class DetachView(PolicyDeed):
    """Takes the policy from people and groups."""

    operation = DetachPolicy
    slug = "detach"
    title = _("Detach the policy?")
    consequence = _(
        "What it allows ends at once, and what it denies is denied no longer."
    )
    button = _("Detach")
    danger = True

    def heading(self) -> Words:
        """Name the policy."""
        return gettext("Detach %(name)s from these?") % {"name": self.name}

    def done(self, result: Result) -> str:
        """Say what happened."""
        return gettext("The policy is detached.")


class DeletePolicyView(PolicyDeed):
    """Deletes the policy."""

    operation = DeletePolicy
    slug = "delete"
    title = _("Delete the policy?")
    consequence = _(
        "This can't be undone. It is detached from everybody who has it: what it "
        "allows ends at once, and what it denies is denied no longer. The audit keeps "
        "its text."
    )
    button = _("Delete policy")
    danger = True

    def parameters(self) -> dict[str, Any]:
        """Name the policy."""
        return {"PolicyName": self.name}

    def chosen(self) -> list[dict[str, str]]:
        """Name the policy; the address repeats it."""
        return [{"field": "", "name": self.name}]

    def after(self, result: Result) -> str:
        """Say what happened and go to the list."""
        super().after(result)
        return reverse(self.home)

    def done(self, result: Result) -> str:
        """Say what happened."""
        return gettext("The policy %(name)s was deleted.") % {"name": self.name}


_BY_SLUG = {
    EditPolicyView.slug: EditPolicyView.as_view(),
    AttachView.slug: AttachView.as_view(),
    DetachView.slug: DetachView.as_view(),
    DeletePolicyView.slug: DeletePolicyView.as_view(),
}


def policy_deed(request: HttpRequest, name: str, slug: str) -> HttpResponseBase:
    """Hand over to the dialog about this policy."""
    if slug not in _BY_SLUG:
        raise Http404
    return _BY_SLUG[slug](request, name=name)
