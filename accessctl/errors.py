"""What can be wrong with people and access keys."""

from django.utils.translation import gettext_lazy as _

from kmsconsole.errors import KMSError


class UserNotFound(KMSError):
    """No such person in the account."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no user of this name in the account.")
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
    why = _("The user already has two access keys.")
    mend = _("Delete one first.")


class WeakPassword(KMSError):
    """A password that is too easy to guess."""

    code = "InvalidParameterValue"
    why = _("The password is too short or too easy to guess.")
    mend = _("Use at least 12 characters that are no common password.")


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
