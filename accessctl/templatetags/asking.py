"""What pages say to somebody who was refused."""

from typing import Any
from uuid import UUID

from django import template

from accessctl import asking
from kmsconsole.views import console_call

register = template.Library()


@register.simple_tag(takes_context=True)
def whom_to_ask(
    context: Any, operation: str, key_id: UUID | str | None = None
) -> asking.Givers:
    """Return who can give the signed-in person what is missing."""
    key = UUID(str(key_id)) if key_id else None
    return asking.whom_to_ask(console_call(context["request"]), operation, key)
