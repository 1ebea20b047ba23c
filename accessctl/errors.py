"""What can be wrong with people and access keys."""

from django.utils.translation import gettext_lazy as _

from kmsconsole.errors import KMSError


class UserNotFound(KMSError):
    """No such person in the account."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no user of this name in the account.")
    mend = _("Check the name and the account ID.")


class AccountExists(KMSError):
    """The account was made before."""

    code = "ResourceInUse"
    http_status = 409
    why = _("This account exists already.")


class AccessKeyLimitExceeded(KMSError):
    """Two access keys are as many as one identity may have."""

    code = "LimitExceeded"
    http_status = 409
    why = _("The user already has two access keys.")
    mend = _("Delete one first.")


class WeakPassword(KMSError):
    """A password that is too easy to guess."""

    code = "InvalidParameterValue"
    why = _("The password is too short or too easy to guess.")
    mend = _("Use at least 12 characters that are no common password.")


class UnreadableTime(KMSError):
    """A time that nobody can read."""

    code = "InvalidParameterValue"
    why = _("The time can't be read.")
    mend = _("Write it like 2026-03-01 14:30.")


class NoSuchOperation(KMSError):
    """An operation that doesn't exist here."""

    code = "InvalidParameterValue"
    why = _("There is no such operation.")
    mend = _("Choose one from the list.")
