"""Second factors: who has one."""

from allauth.mfa.models import Authenticator

from accessctl.models import User

# Recovery codes are not among them: they are for whoever lost the factor.
_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_factor(user: User, *kinds: str) -> bool:
    """Say whether an app or a security key stands beside the password."""
    wanted = kinds or _FACTORS
    return bool(Authenticator.objects.filter(user=user, type__in=wanted).exists())
