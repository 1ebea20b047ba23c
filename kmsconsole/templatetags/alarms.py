"""The bell in the frame of every page."""

from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser
from django.db import Error as DatabaseFailure

from kmsconsole.alarms import audience
from kmsconsole.views import console_call

register = template.Library()


@register.simple_tag(takes_context=True)
def unread_alarms(context: Any) -> str:
    """Return how many alarms wait for the signed-in person: "", "7" or "99+"."""
    request = context.get("request")
    user = getattr(request, "user", AnonymousUser())
    if request is None or not user.is_authenticated:
        return ""
    # The bell stands on a page twice.
    known: dict[str, str] = request.__dict__.setdefault("_alarms", {})
    if "unread" not in known:
        known["unread"] = _count(request)
    return known["unread"]


def _count(request: Any) -> str:
    try:
        number = audience.unread_count(console_call(request))
    except DatabaseFailure:
        # The page says what is wrong; its frame doesn't fail a second time.
        return ""
    if number > audience.MOST_COUNTED:
        return f"{audience.MOST_COUNTED}+"
    return str(number) if number else ""
