"""Turns sessions and access keys into principals, read fresh each time."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache, partial
from ipaddress import ip_address
from typing import cast

from django.db import DatabaseError
from django.db.models import Q
from django.http import HttpRequest

from accessctl import products
from accessctl.models import AccessKey, User
from accessctl.opened import OpenedSecrets
from accessctl.rules import Network, networks
from accessctl.sessions import proved_recently
from keys.hsm.errors import BadData
from kmsconsole import clock
from kmsconsole.errors import AddressNotAllowed
from kmsconsole.moments import aware
from kmsconsole.principals import Credential, Kind, Principal
from kmsconsole.statements import Question, Row, Statement

log = logging.getLogger(__name__)

_NOTED_EVERY = timedelta(minutes=1)
_SELECT = Statement(
    "SELECT a.id, a.sealed_secret, a.data_key_epoch, a.expires_at, "
    "a.allowed_addresses, a.last_used_at, u.uin, u.name, u.is_root, u.account_id, "
    "c.require_signed_action "
    "FROM accessctl_accesskey a JOIN accessctl_user u ON u.id = a.user_id "
    "JOIN accessctl_account c ON c.uin = u.account_id "
    "WHERE a.secret_id = %s AND a.is_enabled AND u.is_active AND u.api_access "
    "AND u.deleted_at IS NULL",
    ("text",),
)
_opened = OpenedSecrets()


def question(secret_id: str) -> Question | None:
    """Return what `find` will read, to be read ahead; products are asked otherwise."""
    if secret_id.startswith(products.PREFIX):
        return None
    return _SELECT, (secret_id,)


def subject(row: Row) -> int | None:
    """Return the uin of a sub-account, by the row of `question`; None for root."""
    _, _, _, _, _, _, uin, _, is_root, *_ = row
    return None if is_root else uin


def find(secret_id: str) -> Credential | None:
    """Return the credential behind a SecretId that may be used now, or None.

    HsmError where the HSM can't open its secret.
    """
    if secret_id.startswith(products.PREFIX):
        return products.find(secret_id)
    row = _SELECT.one((secret_id,))
    if row is None:
        return None
    number, sealed, epoch, expires_at, allowed, used_at, *owner = row
    uin, name, is_root, account_uin, signed_action = owner
    if expires_at is not None and aware(expires_at) <= clock.now():
        return None
    try:
        binding = secret_binding(secret_id, uin)
        secret_key = _opened.open(epoch, bytes(sealed), binding)
    except BadData:
        log.critical("the stored secret of an access key was altered")
        return None
    kind = Kind.ROOT if is_root else Kind.SUB
    principal = Principal(kind, account_uin, uin, name, secret_id)
    last = aware(used_at) if used_at is not None else None
    return Credential(
        principal,
        bool(signed_action),
        secret_key,
        partial(_use, number, allowed, last),
    )


def _use(number: int, allowed: str, last: datetime | None, address: str) -> None:
    """Let a proved access key in from its addresses; note when and where from."""
    if allowed and not _is_inside(address, _networks(allowed)):
        raise AddressNotAllowed
    now = clock.now()
    if last is not None and now - last < _NOTED_EVERY:
        return
    older = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - _NOTED_EVERY)
    try:
        AccessKey.objects.filter(older, pk=number).update(
            last_used_at=now, last_used_address=address
        )
    except DatabaseError:
        # Only for people to read; the audit has every use.
        log.warning("the last use of an access key could not be noted")


@lru_cache(maxsize=1024)
def _networks(text: str) -> tuple[Network, ...]:
    return networks(text.split())


def _is_inside(address: str, allowed: tuple[Network, ...]) -> bool:
    try:
        known = ip_address(address)
    except ValueError:
        return False
    return any(known in network for network in allowed)


def secret_binding(secret_id: str, uin: int) -> bytes:
    """What a sealed secret is bound to: it opens for its own SecretId and user only."""
    return f"accessctl/secret/1|{secret_id}|{uin}".encode("ascii")


def principal_of(user: User, *, fresh: bool = True) -> Principal:
    """Return who a person acts as in the console."""
    kind = Kind.ROOT if user.is_root else Kind.SUB
    return Principal(kind, user.account_id, user.uin, user.name, "session", fresh)


def session_principal(request: HttpRequest) -> Principal:
    """Return who the signed-in person of this request acts as."""
    return principal_of(cast(User, request.user), fresh=proved_recently(request))


def names(uins: Iterable[int]) -> dict[int, str]:
    """Return the names of people, active or not, and codes of products, by uin."""
    wanted = set(uins)
    people = User.objects.filter(uin__in=wanted).values_list("uin", "name")
    return dict(people.union(products.names(wanted), all=True))


def operator(account_uin: int) -> Principal:
    """Return the operator at the machine itself, acting on one account."""
    return Principal(Kind.OPERATOR, account_uin, 0, "operator", "command")
