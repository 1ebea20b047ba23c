"""Small parts of pages that stand on every row; tags, as includes cost more there."""

from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser
from django.templatetags.static import static
from django.utils.formats import date_format
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, pgettext, to_locale

from keys.custody import keyring
from kmsconsole.operations import registry
from kmsconsole.principals import Call
from kmsconsole.views import console_call

register = template.Library()

# The colour of a state; its word always stands beside it.
_STATE_LOOKS = {
    "Enabled": "ok",
    "PendingImport": "info",
    "PendingDelete": "danger",
    "Archived": "warn",
}
# The first mark found wins: most browsers name others beside themselves.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@register.simple_tag
@cache
def icon(name: str, modifier: str = "") -> SafeString:
    """Draw an icon of the sprite; decoration only, the words stand beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false">'
        '<use href="{}#{}"></use></svg>',
        modifier,
        static("icons.svg"),
        name,
    )


@register.simple_tag
def page_language(code: str = "") -> str:
    """Write the page's language, or another, as HTML and Intl know it: zh-Hans."""
    return to_locale(code or get_language() or "en").replace("_", "-")


@register.simple_tag
def state(value: str, label: object) -> SafeString:
    """Show a key's state as a pill with its word."""
    return _pill(value, str(label))


@cache
def _pill(value: str, label: str) -> SafeString:
    return format_html(
        '<span class="state {}"><span class="dot"></span>{}</span>',
        _STATE_LOOKS.get(value, "idle"),
        label,
    )


@register.simple_tag
def moment(time: datetime, *, relative: bool = False, day: bool = False) -> SafeString:
    """Show a time in UTC; a script turns it into the reader's own, or into its age.

    With `day` the date alone is shown: for tables.
    """
    date_words, after = _day(time.date(), get_language())
    shown = date_words.rstrip(", ") if day else f"{date_words}{time:%H:%M}{after} UTC"
    marks = f"{' relative' if relative else ''}{' day' if day else ''}"
    # Escaped by hand: nothing here but digits and what `_day` escaped.
    return SafeString(
        f"<local-time{marks}>"
        f'<time datetime="{time.isoformat()}" title="{time:%Y-%m-%d %H:%M:%S} UTC">'
        f"{shown}</time></local-time>"
    )


@lru_cache(maxsize=4_000)
def _day(day: date, _language: str | None) -> tuple[str, str]:
    """Return what stands before and after the hour and minute of a time."""
    before, _, after = pgettext("date and time", "j M Y, H:i").partition("H:i")
    return escape(date_format(day, before)), escape(after and date_format(day, after))


@register.simple_tag
def copy(
    *,
    what: str = "",
    text: object = "",
    source: str = "",
    label: str = "",
    look: str = "quiet slim square",
) -> SafeString:
    """Offer to copy `text`, or what stands in the element `source`.

    The button shows `label`, or an icon alone that is called `what`.
    """
    name, value = ("for", source) if source else ("text", str(text))
    rest = _copy_button(what, label, look, get_language())
    return SafeString(f'<copy-button {name}="{conditional_escape(value)}"{rest}')


@lru_cache(maxsize=200)
def _copy_button(what: str, label: str, look: str, _language: str | None) -> SafeString:
    return format_html(
        ' data-copied="{}" data-failed="{}">'
        '<button type="button" class="button {}">{}{}</button></copy-button>',
        gettext("Copied"),
        gettext("Press Ctrl+C to copy the selected text"),
        look,
        icon("copy"),
        label or format_html('<span class="unseen">{}</span>', what),
    )


@register.filter
def browser(agent: str) -> str:
    """Return a user agent's browser and system as people call them, if it is known."""
    name = next((word for mark, word in _BROWSERS if mark in agent), "")
    system = next((word for mark, word in _SYSTEMS if mark in agent), "")
    if name and system:
        return gettext("%(name)s on %(system)s") % {"name": name, "system": system}
    return name or system or agent


@register.simple_tag(takes_context=True)
def may(context: Any, operation: str) -> bool:
    """Say whether the signed-in person may do an operation on the account at large."""
    request = context.get("request")
    if (
        request is None
        or not getattr(request, "user", AnonymousUser()).is_authenticated
    ):
        return False
    # The menu stands on a page twice, and asks more than once.
    known = request.__dict__
    if "_glance" not in known:
        known["_glance"] = console_call(request).glance(())
    call: Call = known["_glance"]
    return call.decide(registry()[operation], None).allowed


@register.simple_tag
def hsm_ready() -> bool:
    """Say whether the HSM passes its known-answer test right now."""
    return keyring().status().ready
