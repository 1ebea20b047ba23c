"""What a person or a group was given, and what one has oneself."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.generic import View

from accessctl import evaluator
from accessctl.models import Group
from accessctl.operations import GrantAccess, ListRights
from accessctl.operations.rights import Given
from accessctl.roles import PREFIX
from accessctl.views.words import may_give, right_label
from kmsconsole.views import console_call


class RightsPage(View):
    """Rights on keys and on the account, policies, and through which groups."""

    mine: ClassVar[bool] = False

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show them."""
        self.call = console_call(request)
        output = ListRights.execute(self.call, self.asked(**kwargs)).output
        holder = output["Holder"]
        self.kind = "group" if isinstance(holder, Group) else "user"
        gives = self.call.decide(GrantAccess, None).allowed and not self.mine
        context = {
            "holder": holder,
            "is_group": self.kind == "group",
            "mine": self.mine,
            "gives": gives,
            "manages": evaluator.has_full_access(self.call),
            "account": [self._row(given, gives=gives) for given in output["Account"]],
            "keys": [self._row(given, gives=False) for given in output["Keys"]],
            "more": output["More"],
            "policies": output["Policies"],
            "groups": output["Groups"],
            "kind": self.kind,
            "grant": self._grant(holder.name),
        }
        return render(request, "accessctl/rights.html", context)

    def asked(self, **kwargs: Any) -> dict[str, Any]:
        """Return whom the address names."""
        names = {"uin": "Uin", "group_id": "GroupId"}
        return {names[name]: value for name, value in kwargs.items()}

    def _row(self, given: Given, *, gives: bool) -> dict[str, Any]:
        own = not given.group or self.kind == "group"
        takes = gives and own and may_give(self.call, given.right)
        return {
            "given": given,
            "label": right_label(given.right),
            "code": "" if given.right.startswith(PREFIX) else given.right,
            "here": given.key is not None and given.key.region == self.call.region,
            "takes": takes,
        }

    def _grant(self, name: str) -> str:
        query = {"Holder": self.kind, "Name": name, "back": self.request.path}
        return f"{reverse('access_grant')}?{urlencode(query)}"


class MyRights(RightsPage):
    """One's own rights."""

    mine = True

    def asked(self, **kwargs: Any) -> dict[str, Any]:
        """Name the signed-in person."""
        return {"Uin": self.call.principal.uin}
