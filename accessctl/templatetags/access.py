"""What pages ask about the person who looks at them."""

from typing import Any

from django import template
from django.http import HttpRequest

from accessctl.operations import DescribeAccountSettings
from kmsconsole.views import console_call

register = template.Library()


@register.simple_tag(takes_context=True)
def administers(context: dict[str, Any]) -> bool:
    """Say whether the person administers the account; asked once for each page."""
    request: HttpRequest | None = context.get("request")
    if request is None or not request.user.is_authenticated:
        return False
    if not hasattr(request, "administers"):
        decision = console_call(request).decide(DescribeAccountSettings, None)
        request.administers = decision.allowed  # type: ignore[attr-defined]
    answer: bool = request.administers  # type: ignore[attr-defined]
    return answer
