"""How pages name rights, and where they come from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accessctl import evaluator
from accessctl.explanation import source_words
from accessctl.permissions import rights_on_key
from accessctl.roles import PREFIX, delegable, grantable, operations_of, roles
from accessctl.rules import Rule
from accessctl.whatif import Difference
from keys.views.happenings import deed
from kmsconsole.principals import Call


def right_label(right: str) -> str:
    """Return a role's name, or an operation in people's words."""
    role = roles().get(right.removeprefix(PREFIX)) if right.startswith(PREFIX) else None
    return str(role.label) if role else deed(right)


@dataclass(frozen=True, slots=True)
class Choice:
    """A right that can be chosen."""

    right: str
    label: str
    about: str


def rights_to_choose(
    *, on_key: bool, narrow: bool = False
) -> tuple[list[Choice], list[Choice]]:
    """Return roles and single operations; `narrow` leaves the delegable ones only."""
    known = rights_on_key() if on_key else None

    def fits(right: str) -> bool:
        return (known is None or right in known) and (not narrow or delegable(right))

    named = [
        Choice(role.right, str(role.label), str(role.about))
        for role in roles().values()
        if fits(role.right)
    ]
    single = [Choice(name, deed(name), name) for name in grantable() if fits(name)]
    return named, sorted(single, key=lambda choice: choice.label)


def may_give(call: Call, right: str) -> bool:
    """Say whether the caller could give or take this right where it may do so."""
    return delegable(right) or evaluator.has_full_access(call)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where somebody's rights come from: what, how, until when."""

    what: str
    how: str
    until: datetime | None
    denies: bool
    right: str
    direct: bool
    revoke: str = ""


def origin_of(rule: Rule, group: str = "") -> Origin:
    """Return a rule in words; `group` is whose own row it stands in."""
    source, statement = rule.source, rule.statement
    on_key = statement.reaches[0].key_id is not None and source.kind == "grant"
    if source.kind == "policy":
        what = _("Policy %(name)s") % {"name": source.right}
        how = _("statement %(number)s") % {"number": source.number}
    else:
        what = right_label(source.right)
        how = _("on this key") if on_key else _("on the whole account")
    if source.group and source.group != group:
        how += " · " + _("through the group %(group)s") % {"group": source.group}
    return Origin(
        what=what,
        how=how,
        until=rule.until,
        denies=not statement.allow,
        right=source.right,
        direct=on_key and source.group == group,
    )


def revoke_query(holder: str, name: str, right: str, **more: Any) -> str:
    """Return the query of the page that takes a right away."""
    return urlencode({"Holder": holder, "Name": name, "Right": right, **more})


def rule_words(rule: Rule | None) -> str:
    """Return what decides, in words; empty where nothing does."""
    if rule is None:
        return ""
    return source_words(rule.source)


@dataclass(frozen=True, slots=True)
class Changed:
    """What would change for one person, ready to print."""

    name: str
    group: str
    gained: tuple[tuple[str, str], ...]
    lost: tuple[tuple[str, str], ...]
    kept: tuple[tuple[str, str], ...]
    ends: tuple[tuple[str, datetime | None, datetime | None], ...]
    none: bool


def changed(found: Iterable[Difference]) -> list[Changed]:
    """Return differences with their operations in people's words."""
    return [
        Changed(
            name=one.user.name,
            group=one.group,
            gained=_deeds(one.gained),
            lost=_deeds(one.lost),
            kept=_deeds(one.kept),
            ends=tuple((right_label(r), was, ends) for r, was, ends in one.ends),
            none=one.none,
        )
        for one in found
    ]


def _deeds(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    # An operation and the same on many keys have one name for people.
    by_deed: dict[str, list[str]] = {}
    for name in names:
        by_deed.setdefault(deed(name), []).append(name)
    return tuple((", ".join(each), words) for words, each in by_deed.items())


def everything(right: str) -> bool:
    """Say whether the right is full access."""
    return operations_of(right) >= frozenset(grantable())
