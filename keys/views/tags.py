"""A key's tags: all of them in one form."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from keys.forms.tags import TagsForm
from keys.operations import DescribeKey, TagKey
from keys.operations.tagging import LONGEST_NAME, LONGEST_VALUE, MOST_TAGS
from keys.views.base import reason_against
from keys.views.conflicts import GuardedView
from keys.views.page import KeyPage
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.pages import OperationView


class TagKeyView(GuardedView, KeyPage):
    """Adds, changes and removes tags."""

    operation = TagKey
    form = TagsForm
    template = "keys/tags.html"
    slug = "tag-key"
    part = "tags"
    tab = "tags"
    opened_by = (DescribeKey,)

    def present(self) -> list[tuple[str, str]]:
        """Return name and value of each tag, by name."""
        tags = self.key.tags.order_by("name")
        return list(tags.values_list("name", "value"))

    def initial(self) -> dict[str, Any]:
        """Return the tags as they are."""
        return super().initial() | {"tags": self.present()}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the limits, and why nothing can be changed now."""
        return super().context(form) | {
            "unavailable": reason_against(self.operation, self.glance, self.key),
            "most": MOST_TAGS,
            "longest_name": LONGEST_NAME,
            "longest_value": LONGEST_VALUE,
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Store the tags."""
        return OperationView.post(self, request, **kwargs)

    def after(self, result: Result) -> str:
        """Stay with the tags."""
        messages.success(self.request, gettext("The tags were saved."))
        return reverse("keys:operation", args=[self.key_id, self.slug])
