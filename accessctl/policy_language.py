"""Version 2.0 of the cloud's policy language, as far as it is about keys.

A document is read strictly: what isn't understood is refused, because a deny that is
ignored would allow.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accessctl.rules import (
    EVERYTHING,
    Network,
    Origin,
    Reach,
    Statement,
    networks,
)
from kmsconsole.operations import Scope, registry

VERSION = "2.0"
LONGEST_DOCUMENT = 6144
_MOST_STATEMENTS = 100
_MOST_VALUES = 200
_SEGMENTS = 6
_REGION = re.compile(r"[a-z][a-z0-9-]{0,31}|\*|")
# Numbers that fit a column, and key IDs as they are shown: other spellings of the same
# would make two rules look alike that aren't, or break the query.
_KEYS = re.compile(
    r"key/creatorUin/(\*|[0-9]{1,18})"
    r"/(\*|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
)
_NAMEABLE = (Scope.KEY, Scope.ACCOUNT, Scope.LISTING, Scope.ADMINISTRATION)
# Actions of the cloud's product that don't exist here: naming them does no harm.
_ELSEWHERE = frozenset(
    {
        "createwhiteboxkey",
        "deletewhiteboxkey",
        "describewhiteboxdecryptkey",
        "describewhiteboxdevicefingerprints",
        "describewhiteboxkey",
        "describewhiteboxkeydetails",
        "describewhiteboxservicestatus",
        "disablewhiteboxkey",
        "disablewhiteboxkeys",
        "enablewhiteboxkey",
        "enablewhiteboxkeys",
        "encryptbywhitebox",
        "overwritewhiteboxdevicefingerprints",
        "postquantumcryptodecrypt",
        "postquantumcryptoencrypt",
        "postquantumcryptosign",
        "postquantumcryptoverify",
    }
)
# Names of the product's first API, which published examples still use.
_FORMER = {
    "listkey": ("ListKeys", "ListKeyDetail", "BrowseKeys"),
    "getkeyattributes": ("DescribeKey", "DescribeKeys", "GetKeyRotationStatus"),
    "setkeyattributes": (
        "UpdateAlias",
        "UpdateKeyDescription",
        "EnableKey",
        "EnableKeys",
        "DisableKey",
        "DisableKeys",
        "EnableKeyRotation",
        "DisableKeyRotation",
        "ScheduleKeyDeletion",
        "CancelKeyDeletion",
    ),
}


class PolicyRefused(ValueError):
    """A document nobody can act on; `place` says where, `why` what is wrong."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(why)
        self.place = place
        self.why = why


@lru_cache(maxsize=512)
def parse(document: str, account_uin: int) -> tuple[Statement, ...]:
    """Return the statements of a document; raises PolicyRefused."""
    if len(document) > LONGEST_DOCUMENT:
        raise PolicyRefused("", _("It is longer than 6144 characters."))
    content = _read(document)
    fields = _fields(content, "", {"version", "statement"}, set())
    if fields["version"] != VERSION:
        raise PolicyRefused("version", _("Only version “2.0” is understood."))
    statements = fields["statement"]
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not 0 < len(statements) <= _MOST_STATEMENTS:
        raise PolicyRefused("statement", _("1 to 100 statements are expected here."))
    return tuple(
        _statement(content, f"statement[{at}]", account_uin)
        for at, content in enumerate(statements)
    )


def _read(document: str) -> Any:
    try:
        return json.loads(document, object_pairs_hook=_once)
    except PolicyRefused:
        raise
    except json.JSONDecodeError as error:
        place = _("line %(line)s, column %(column)s")
        where = place % {"line": error.lineno, "column": error.colno}
        raise PolicyRefused(where, _("It is no valid JSON.")) from None
    except (ValueError, RecursionError):
        raise PolicyRefused("", _("It is no valid JSON.")) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(pairs)
    if len(known) != len(pairs):
        raise PolicyRefused("", _("A name stands twice in one object."))
    return known


def _fields(
    content: Any, place: str, needed: set[str], optional: set[str]
) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise PolicyRefused(place, _("An object is expected here."))
    for missing in sorted(needed - set(content)):
        raise PolicyRefused(_below(place, missing), _("This is missing."))
    if set(content) - needed - optional:
        names = ", ".join(sorted(needed | optional))
        words = _("Only these names are understood here: %(names)s.")
        raise PolicyRefused(place, words % {"names": names})
    return content


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _statement(content: Any, place: str, account_uin: int) -> Statement:
    fields = _fields(content, place, {"effect", "action", "resource"}, {"condition"})
    effect = fields["effect"]
    if effect not in ("allow", "deny"):
        where = _below(place, "effect")
        raise PolicyRefused(where, _("Write “allow” or “deny”."))
    operations: set[str] = set()
    for where, text in _texts(fields["action"], _below(place, "action")):
        operations |= _operations(text, where)
    return Statement(
        allow=effect == "allow",
        operations=frozenset(operations),
        reaches=tuple(
            _reach(text, where, account_uin)
            for where, text in _texts(fields["resource"], _below(place, "resource"))
        ),
        origins=_origins(fields.get("condition", {}), _below(place, "condition")),
    )


def _texts(value: Any, place: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, str):
        return [(place, value)]
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_VALUES:
        raise PolicyRefused(place, _("A text or a list of texts is expected here."))
    for at, text in enumerate(value):
        if not isinstance(text, str):
            where = f"{place}[{at}]"
            raise PolicyRefused(where, _("A text is expected here."))
    return [(f"{place}[{at}]", text) for at, text in enumerate(value)]


@cache
def nameable() -> dict[str, str]:
    """Return every name that an action may have, by its lower case."""
    return {
        name.lower(): name
        for name, operation in registry().items()
        if operation.scope in _NAMEABLE
    }


def _operations(text: str, place: str) -> frozenset[str]:
    if text == "*":
        return frozenset(nameable().values())
    product, _colon, action = text.removeprefix("name/").partition(":")
    if product != "kms" or not action:
        words = _("Actions here are “*” or begin with “name/kms:” or “kms:”.")
        raise PolicyRefused(place, words)
    wanted = action.lower()
    if wanted in _FORMER:
        return frozenset(_FORMER[wanted])
    if "*" in wanted:
        parts = wanted.split("*")
        found = {name for low, name in nameable().items() if _matches(parts, low)}
        elsewhere = any(_matches(parts, name) for name in _ELSEWHERE)
    else:
        found = {nameable()[wanted]} if wanted in nameable() else set()
        elsewhere = wanted in _ELSEWHERE
    if not found and not elsewhere:
        raise PolicyRefused(place, _("No action has this name."))
    return frozenset(found)


def _matches(parts: Sequence[str], name: str) -> bool:
    """Say whether a name consists of these parts with anything between them.

    Each part is looked for once, from left to right: a regular expression of many
    stars could be made to take forever.
    """
    first, *middle, last = parts
    if len(name) < len(first) + len(last) or not name.startswith(first):
        return False
    if not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _reach(text: str, place: str, account_uin: int) -> Reach:
    if text == "*":
        return EVERYTHING[0]
    segments = text.split(":", _SEGMENTS - 1)
    if len(segments) != _SEGMENTS or segments[0] != "qcs":
        words = _("Write “*” or six segments: qcs::kms:REGION:uin/ACCOUNT:RESOURCE.")
        raise PolicyRefused(place, words)
    _qcs, project, product, region, owner, resource = segments
    if project or product not in ("kms", "*"):
        raise PolicyRefused(place, _("Only resources of kms are understood."))
    if owner not in ("", "*", "uin/", f"uin/{account_uin}"):
        raise PolicyRefused(place, _("The resource belongs to another account."))
    if not _REGION.fullmatch(region):
        words = _("Write a region such as ap-guangzhou, “*”, or nothing for all.")
        raise PolicyRefused(place, words)
    creator_uin, key_id = _key(resource, place)
    return Reach("" if region == "*" else region, creator_uin, key_id)


def _key(resource: str, place: str) -> tuple[int | None, UUID | None]:
    if resource in ("*", "key/*"):
        return None, None
    if match := _KEYS.fullmatch(resource):
        creator, key = match.groups()
        return (
            None if creator == "*" else int(creator),
            None if key == "*" else UUID(key),
        )
    words = _("Write key/*, key/creatorUin/NUMBER/* or key/creatorUin/NUMBER/KEY_ID.")
    raise PolicyRefused(place, words)


def _origins(content: Any, place: str) -> tuple[Origin, ...]:
    fields = _fields(content, place, set(), {"ip_equal", "ip_not_equal"})
    found = []
    for name, value in fields.items():
        where = _below(place, name)
        inner = _fields(value, where, {"qcs:ip"}, set())
        named = [
            network
            for at, text in _texts(inner["qcs:ip"], _below(where, "qcs:ip"))
            for network in _network(text, at)
        ]
        found.append(Origin(tuple(named), inside=name == "ip_equal"))
    return tuple(found)


def _network(text: str, place: str) -> tuple[Network, ...]:
    try:
        return networks([text])
    except ValueError:
        words = _("An IP address or a network such as 10.0.0.0/8 is expected here.")
        raise PolicyRefused(place, words) from None
