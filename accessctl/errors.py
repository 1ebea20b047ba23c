"""What can be wrong with people and access keys."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from kmsconsole.errors import KMSError


class UserNotFound(KMSError):
    """No such person in the account."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is nobody of this name in the account.")
    mend = _("Check the name and the account ID.")


class AccountNotFound(KMSError):
    """No such account; only the operator hears this."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no account with this ID.")
    mend = _("Check the account ID.")


class AccountExists(KMSError):
    """The account was made before."""

    code = "ResourceInUse"
    http_status = 409
    why = _("This account exists already.")


class AccessKeyLimitExceeded(KMSError):
    """Two access keys are as many as one identity may have."""

    code = "LimitExceeded"
    http_status = 409
    why = _("Two access keys are there already.")
    mend = _("Delete one first.")


class AccessKeyNotFound(KMSError):
    """The person has no such access key."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no such access key.")
    mend = _("It may have been deleted meanwhile; look at the list.")


class AccessKeyEnabled(KMSError):
    """An access key is disabled before it is deleted."""

    code = "ResourceInUse"
    http_status = 409
    why = _("An enabled access key can't be deleted.")
    mend = _("Disable it first, and see whether anything still needed it.")


class NoProgrammaticAccess(KMSError):
    """Access keys of this person would open nothing."""

    code = "FailedOperation"
    http_status = 409
    why = _("API access is off for this sub-account.")
    mend = _("An administrator of the account can switch it on.")


class RootIsItsOwn(KMSError):
    """Nobody but the root user itself changes the root user."""

    code = "UnauthorizedOperation"
    http_status = 403
    why = _("Only the root user itself may do this to the root user.")
    mend = _("Sign in as the root user.")


class InvalidAddresses(KMSError):
    """What was given is no list of addresses and networks."""

    code = "InvalidParameterValue"
    why = _("These are not all IP addresses or networks.")
    mend = _(
        "Write addresses such as 203.0.113.7 or networks such as 198.51.100.0/24, at "
        "most %(most)s of them."
    )


class ExpiryPassed(KMSError):
    """An end that lies behind."""

    code = "InvalidParameterValue"
    why = _("This time has passed already.")
    mend = _("Choose a later one, or none.")


class WrongPassword(KMSError):
    """The present password was not given."""

    code = "InvalidParameterValue"
    why = _("This is not your present password.")
    mend = _("Type the password you signed in with.")


class SamePassword(KMSError):
    """A new password that is the old one."""

    code = "InvalidParameterValue"
    why = _("This is your present password.")
    mend = _("Choose another one.")


class WeakPassword(KMSError):
    """A password that is too easy to guess; `shortest` in characters."""

    code = "InvalidParameterValue"
    why = _("The password is too short or too easy to guess.")
    mend = _("Use at least %(shortest)s characters that are no common password.")

    def __init__(self, parameter: str | None = None, **words: Any) -> None:
        super().__init__(parameter, **{"shortest": 12} | words)


class SecondFactorRefused(KMSError):
    """Right password, wrong code or security key."""

    code = "AuthFailure"
    http_status = 401
    why = _("The second factor was not accepted.")
    mend = _("Try again with the code that is shown now.")


class PrincipalNotFound(KMSError):
    """No such sub-account or group in the account."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no sub-account or group of this name in the account.")
    mend = _("Check the name. The root user needs no rights: it has them all.")


class RightGone(KMSError):
    """A right that was taken away or prolonged meanwhile."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("This right has no end that has passed.")
    mend = _("There is nothing to do.")


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


class InvalidName(KMSError):
    """A name of a sub-account, group or policy that can't be used."""

    code = "InvalidParameterValue"
    why = _("This name can't be used.")
    mend = _(
        "Use 1 to 64 letters, digits and any of . _ - @ +, the first a letter or digit."
    )


class InvalidRemark(KMSError):
    """A remark with line breaks or control characters, or too long."""

    code = "InvalidParameterValue"
    why = _("The remark can't be stored.")
    mend = _("Use at most 255 characters on one line.")


class NameTaken(KMSError):
    """The account has one of this name; upper and lower case are the same."""

    code = "ResourceInUse"
    http_status = 409
    why = _("This name is already in use in the account.")
    mend = _("Choose another name. Upper and lower case count as the same.")


class LimitReached(KMSError):
    """As many as there may be."""

    code = "LimitExceeded"
    http_status = 409
    why = _("There may be at most %(most)s of these.")
    mend = _("Remove what is no longer needed first.")


class SubAccountNotFound(KMSError):
    """One of the named people is no sub-account of the account."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no sub-account of this name in the account.")
    mend = _("Check the name. Nothing was changed.")


class GroupNotFound(KMSError):
    """No such group in the account."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no group of this name in the account.")
    mend = _("Check the name. Nothing was changed.")


class PolicyNotFound(KMSError):
    """No such policy, own or predefined."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no policy of this name in the account.")
    mend = _("Check the name. Nothing was changed.")


class RootUserUntouchable(KMSError):
    """The root user is changed by itself alone, and takes no rights."""

    code = "UnauthorizedOperation"
    http_status = 403
    why = _("The root user has every right and can't be changed by others.")
    mend = _("Sign in as the root user, or ask the operator.")


class YourOwnAccount(KMSError):
    """Nobody changes their own switches, groups or policies."""

    code = "UnauthorizedOperation"
    http_status = 403
    why = _("Nobody changes their own account, groups or policies.")
    mend = _("Ask another administrator of your account.")


class NoConsoleAccess(KMSError):
    """A password for somebody who can't sign in to the console."""

    code = "FailedOperation"
    http_status = 409
    why = _("This sub-account has no console sign-in, so it needs no password.")
    mend = _("Turn on console sign-in: that draws a password.")


class InvalidPolicy(KMSError):
    """A document that the policy language refuses: where and why."""

    code = "InvalidParameterValue"
    why = _("The policy was not accepted. At %(place)s: %(reason)s")


class PolicyIsPredefined(KMSError):
    """A predefined policy can be attached, not changed."""

    code = "FailedOperation"
    http_status = 409
    why = _("Predefined policies can't be changed or deleted.")
    mend = _("Create a policy of your own from its document.")


class PolicyChanged(KMSError):
    """Somebody else saved the policy since it was read."""

    code = "FailedOperation"
    http_status = 409
    why = _("Somebody else changed this policy meanwhile; nothing was saved.")
    mend = _("Compare with the present document, then save again.")


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
    why = _("Whoever asked was deleted or disabled.")
    mend = _("Refuse the request.")


class UnreadableTime(KMSError):
    """A time that nobody can read."""

    code = "InvalidParameterValue"
    why = _("The time can't be read.")
    mend = _("Write it like 2026-03-01 14:30.")
