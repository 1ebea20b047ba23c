"""Second factors: who has one, and how their secrets are bound to their owner."""

import base64
import logging
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models.signals import post_init

from accessctl.models import User
from keys import custody
from keys.hsm.errors import BadData, HsmError
from kmsconsole.errors import ServiceTemporaryUnavailable

log = logging.getLogger(__name__)

_FORMAT = "2"
_SECRETS = ("secret", "seed")

# Recovery codes are not among them: they are for whoever lost the factor.
_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_factor(user: User, *kinds: str) -> bool:
    """Say whether an app or a security key stands beside the password."""
    wanted = kinds or _FACTORS
    return bool(Authenticator.objects.filter(user=user, type__in=wanted).exists())


class Owned(str):
    """A sealed secret together with the person whose row it was read from."""

    __slots__ = ("owner",)

    owner: int

    @classmethod
    def by(cls, text: str, owner: int) -> "Owned":
        """Return the text with its owner's primary key."""
        made = cls(text)
        made.owner = owner
        return made


def connect() -> None:
    """Name the owner to every secret that is read, once; harmless to repeat."""
    post_init.connect(
        _name_owner, sender=Authenticator, dispatch_uid="accessctl.factors"
    )


def _name_owner(instance: Authenticator, **_more: Any) -> None:
    # allauth opens a secret without saying whose it is: the secret says it itself.
    data = instance.__dict__.get("data")
    if not isinstance(data, dict):
        return
    for name in _SECRETS:
        if isinstance(data.get(name), str):
            data[name] = Owned.by(data[name], instance.user_id)


def seal(text: str, owner: int) -> str:
    """Seal a factor's secret for a person; refuses where the HSM can't be used."""
    try:
        epoch, sealed = custody.keyring().seal_secret(text.encode(), _binding(owner))
    except HsmError:
        raise ServiceTemporaryUnavailable from None
    return f"{_FORMAT}:{epoch}:{base64.b64encode(sealed).decode('ascii')}"


def unseal(sealed: str, owner: int) -> str:
    """Open a factor's secret; refuses one of somebody else, or an altered one."""
    try:
        epoch, data = sealed.removeprefix(f"{_FORMAT}:").split(":")
        secret = custody.keyring().open_secret(
            int(epoch), base64.b64decode(data), _binding(owner)
        )
    except (BadData, ValueError):
        log.critical("a stored second factor of user %s was altered", owner)
        raise ServiceTemporaryUnavailable from None
    except HsmError:
        raise ServiceTemporaryUnavailable from None
    return secret.decode()


def _binding(owner: int) -> bytes:
    return f"accessctl/factor/{_FORMAT}/{owner}".encode("ascii")
