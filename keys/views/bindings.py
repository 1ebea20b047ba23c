"""Which resources of cloud products hold a key."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from keys.operations import DescribeKeyUsage, ListBindings
from keys.views import snippets
from keys.views.page import KeyPage
from keys.views.snippets import ApiCall
from kmsconsole.forms import WireForm
from kmsconsole.principals import Call

_MOST_DIGITS = 18


def bindings_for(call: Call, request: HttpRequest, **asked: Any) -> dict[str, Any]:
    """Return the page of bindings that the address asks for, and its neighbours."""
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) <= _MOST_DIGITS:
        asked["Before"] = max(int(before), 1)
    output = ListBindings.execute(call, asked).output
    query = request.GET.copy()
    query.pop("before", None)
    first = f"{request.path}?{query.urlencode()}".removesuffix("?")
    if output["Older"]:
        query["before"] = str(output["Older"])
    return {
        "bindings": output["Bindings"],
        "total": output["TotalCount"],
        "newest": first if "Before" in asked else "",
        "older": f"{request.path}?{query.urlencode()}" if output["Older"] else "",
    }


class BindingsPage(KeyPage):
    """The resources that a key can't be taken away from, newest first."""

    operation = DescribeKeyUsage
    template = "keys/bindings.html"
    slug = "bindings"
    tab = "bindings"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show one page of them."""
        return self.page(self.form())

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the bindings, and how one is released by API."""
        asked = {"KeyId": self.key_id}
        release = ApiCall(
            "UnbindCloudResource",
            self.call.region,
            (
                snippets.fixed("KeyId", self.key_id),
                snippets.fixed("ProductId", "PRODUCT"),
                snippets.fixed("ResourceId", "RESOURCE"),
            ),
        )
        found = bindings_for(self.call, self.request, **asked)
        return super().context(form) | found | {"api": release}
