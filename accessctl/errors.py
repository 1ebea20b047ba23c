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


class PrincipalNotFound(KMSError):
    """No such sub-account or group in the account."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no sub-account or group of this name in the account.")
    mend = _("Check the name. The root user needs no rights: it has them all.")


class UnknownRight(KMSError):
    """Neither a role nor an operation that can be granted."""

    code = "InvalidParameterValue"
    why = _("There is no role and no operation of this name that can be granted.")
    mend = _("Choose one of the roles, such as key-user, or an operation.")


class RightNotForKeys(KMSError):
    """An operation on the account, asked for on one key."""

    code = "InvalidParameterValue"
    why = _("This right is about the whole account, not about a single key.")
    mend = _("Grant it without naming a key.")


class RightNotDelegable(KMSError):
    """A right that only the root user and full access can give."""

    code = "UnauthorizedOperation"
    http_status = 403
    why = _("You may let others use keys, but not give this right.")
    mend = _("Ask the root user or somebody with full access.")


class NotOneself(KMSError):
    """Nobody gives rights to themselves."""

    code = "UnauthorizedOperation"
    http_status = 403
    why = _("Nobody can give rights to themselves or to a group they are in.")
    mend = _("Ask another administrator of your account.")


class NoSuchOperation(KMSError):
    """An operation that doesn't exist."""

    code = "InvalidParameterValue"
    why = _("There is no operation of this name.")
    mend = _("Write it as the list of actions does, such as Encrypt.")


class EventNotFound(KMSError):
    """No such event in the account."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no such event in the account.")
    mend = _("Open it once more from the activity.")


class RequestNotFound(KMSError):
    """No such request for access in the account."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no such request for access.")
    mend = _("Look at the list of requests.")


class RequestDecided(KMSError):
    """Somebody else was faster."""

    code = "ResourceInUse"
    http_status = 409
    why = _("This request isn't open any more: %(outcome)s. Nothing was changed.")
    mend = _("Look at the list of requests.")


class RequestLimitReached(KMSError):
    """Too many open requests of one person."""

    code = "LimitExceeded"
    http_status = 409
    why = _("You have %(limit)s open requests already.")
    mend = _("Wait until some are decided, or withdraw those you don't need.")


class RootNeedsNoRights(KMSError):
    """The root user asks for a right."""

    code = "InvalidParameterValue"
    why = _("The root user may do everything already.")
    mend = _("Go on without asking.")


class RequesterGone(KMSError):
    """Who asked was deleted or disabled."""

    code = "ResourceNotFound"
    http_status = 409
    why = _("The user who asked was deleted or disabled.")
    mend = _("Refuse the request.")
