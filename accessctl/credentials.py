"""Turns sessions and access keys into principals, read fresh each time."""

import logging
from collections.abc import Iterable
from typing import cast

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from accessctl.models import User
from keys import custody
from keys.hsm.errors import BadData, HsmError
from kmsconsole import clock
from kmsconsole.errors import ServiceTemporaryUnavailable
from kmsconsole.moments import aware
from kmsconsole.principals import Credential, Kind, Principal

log = logging.getLogger(__name__)

_SELECT = (
    "SELECT a.sealed_secret, a.data_key_epoch, a.expires_at, u.uin, u.name, u.is_root, "
    "u.account_id, c.require_signed_action "
    "FROM accessctl_accesskey a JOIN accessctl_user u ON u.id = a.user_id "
    "JOIN accessctl_account c ON c.uin = u.account_id "
    "WHERE a.secret_id = %s AND a.is_enabled AND u.is_active AND u.api_access"
)


def find(secret_id: str) -> Credential | None:
    """Return the credential behind a SecretId that may be used now, or None."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, (secret_id,))
        row = cursor.fetchone()
    if row is None:
        return None
    sealed, epoch, expires_at, uin, name, is_root, account_uin, signed_action = row
    if expires_at is not None and aware(expires_at) <= clock.now():
        return None
    try:
        secret = custody.keyring().open_secret(
            epoch, bytes(sealed), secret_binding(secret_id, uin)
        )
    except BadData:
        log.critical("the stored secret of an access key was altered")
        return None
    except HsmError:
        raise ServiceTemporaryUnavailable from None
    kind = Kind.ROOT if is_root else Kind.SUB
    principal = Principal(kind, account_uin, uin, name, secret_id)
    return Credential(principal, bool(signed_action), secret.decode("ascii"))


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


def proved_recently(request: HttpRequest) -> bool:
    """Say whether the person proved within the last minutes that it is them.

    Who signed in with a second factor proves it with a second factor.
    """
    records = get_authentication_records(request, cast(User, request.user))
    factors = [record for record in records if record["method"] == "mfa"]
    proofs = factors or records
    if not proofs:
        return False
    age = clock.now().timestamp() - proofs[-1]["at"]
    return bool(age < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)


def names(uins: Iterable[int]) -> dict[int, str]:
    """Return the names of these people, active or not, by uin."""
    return dict(User.objects.filter(uin__in=uins).values_list("uin", "name"))


def operator(account_uin: int) -> Principal:
    """Return the operator at the machine itself, acting on one account."""
    return Principal(Kind.OPERATOR, account_uin, 0, "operator", "command")
