"""Everything a caller can be told went wrong.

One class an error: its code (the Tencent Cloud API's), the HTTP status the console
answers with, why it was refused and what to do about it. Texts never repeat input.
"""

from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class KMSError(Exception):
    """A refusal or failure with a text that is safe to show.

    `parameter` is the wire name of the offending parameter, for forms. Keyword words
    fill the placeholders of `why` and `mend`; they must never come from plaintext.
    """

    code: ClassVar[str]
    http_status: ClassVar[int] = 400
    why: ClassVar["StrOrPromise"]
    mend: ClassVar["StrOrPromise"] = ""

    def __init__(self, parameter: str | None = None, **words: object) -> None:
        super().__init__(self.code)
        self.parameter = parameter
        self.words = words

    @property
    def message(self) -> str:
        """Why and what to do, in the active language."""
        text = " ".join(part for part in (str(self.why), str(self.mend)) if part)
        return text % ({"parameter": self.parameter or ""} | self.words)


class InvalidParameter(KMSError):
    """The request as a whole, or one parameter, has a shape nobody can read."""

    code = "InvalidParameter"
    why = _("The request can't be read.")
    mend = _("Send one JSON object with the parameters of this action.")


class WrongType(KMSError):
    """A parameter of the wrong type."""

    code = "InvalidParameter"
    why = _("The parameter %(parameter)s has the wrong type.")
    mend = _("Send it as this action's reference describes.")


class InvalidParameterValue(KMSError):
    """A parameter outside of what is allowed."""

    code = "InvalidParameterValue"
    why = _("The parameter %(parameter)s has a value that is not allowed.")
    mend = _("Send a value inside the limits of this action's reference.")


class MissingParameter(KMSError):
    """A required parameter is absent."""

    code = "MissingParameter"
    why = _("The parameter %(parameter)s is missing.")
    mend = _("Add it and send the request again.")


class UnknownParameter(KMSError):
    """A parameter this action does not have; its name is input and not repeated."""

    code = "UnknownParameter"
    why = _("The request has a parameter this action doesn't know.")
    mend = _("Remove it, or check its spelling.")


class UnauthorizedOperation(KMSError):
    """The caller may not do this, whether or not the resource exists."""

    code = "UnauthorizedOperation"
    http_status = 403
    why = _("You are not allowed to do %(operation)s here.")
    mend = _("Ask an administrator of your account for this permission.")


class StepUpRequired(KMSError):
    """A person who has to prove once more that it is them."""

    code = "UnauthorizedOperation"
    http_status = 403
    why = _("This needs a fresh proof that it is you.")
    mend = _("Confirm your password or second factor, then try again.")


class AuthFailure(KMSError):
    """A signature that was used before for something else, or too often."""

    code = "AuthFailure"
    http_status = 401
    why = _("This signature was already used for another request.")
    mend = _("Sign every request anew.")


class InvalidAuthorization(KMSError):
    """The Authorization header is absent, malformed or of another method."""

    code = "AuthFailure.InvalidAuthorization"
    http_status = 401
    why = _("The Authorization header can't be accepted.")
    mend = _("Sign with TC3-HMAC-SHA256 over content-type and host.")


class UnsignedPayload(KMSError):
    """A request whose body is not covered by its signature."""

    code = "AuthFailure.InvalidAuthorization"
    http_status = 401
    why = _("Requests with UNSIGNED-PAYLOAD are refused.")
    mend = _("Sign the body of the request.")


class LegacySignature(KMSError):
    """A signature of version 1 (HmacSHA1 or HmacSHA256)."""

    code = "AuthFailure.InvalidAuthorization"
    http_status = 401
    why = _("Signatures of version 1 are refused.")
    mend = _("Sign with TC3-HMAC-SHA256.")


class UnsignedAction(KMSError):
    """The account demands that x-tc-action is signed, and it was not."""

    code = "AuthFailure.InvalidAuthorization"
    http_status = 401
    why = _("This account accepts only requests whose X-TC-Action is signed.")
    mend = _("Add x-tc-action to the signed headers.")


class SecretIdNotFound(KMSError):
    """Unknown, disabled or expired access key."""

    code = "AuthFailure.SecretIdNotFound"
    http_status = 401
    why = _("The SecretId is not known or not enabled.")
    mend = _("Check the access key in the console.")


class SignatureExpire(KMSError):
    """The timestamp is too far from the server's clock."""

    code = "AuthFailure.SignatureExpire"
    http_status = 401
    why = _("The signature's time is more than 5 minutes off.")
    mend = _("Set the clock of the client and sign again.")


class SignatureFailure(KMSError):
    """The signature does not match."""

    code = "AuthFailure.SignatureFailure"
    http_status = 401
    why = _("The credentials could not be validated.")
    mend = _("Check that the signature is correct.")


class AddressNotAllowed(KMSError):
    """A valid signature, from where the access key may not be used."""

    code = "AuthFailure.UnauthorizedOperation"
    http_status = 403
    why = _("This access key may not be used from this address.")
    mend = _("Send from one of its allowed addresses, or change them in the console.")


class SignInRefused(KMSError):
    """Wrong account, name or password; which one is not told."""

    code = "AuthFailure"
    http_status = 401
    why = _("The account ID, the user name or the password is wrong.")
    mend = _("Check them and try again.")


class SentAlready(KMSError):
    """A form whose answer held a secret came a second time."""

    code = "FailedOperation.SentAlready"
    http_status = 409
    why = _(
        "This form was sent already, and its answer was shown then. It isn't kept, and "
        "nothing was done a second time."
    )
    mend = _("If the secret wasn't noted, make a new one from the form.")


class InvalidAction(KMSError):
    """No such action."""

    code = "InvalidAction"
    http_status = 404
    why = _("This action doesn't exist here.")
    mend = _("Check the spelling of X-TC-Action.")


class NoSuchVersion(KMSError):
    """No such API version."""

    code = "NoSuchVersion"
    why = _("This API version doesn't exist here.")
    mend = _("Send X-TC-Version 2019-01-18.")


class UnsupportedRegion(KMSError):
    """A region this installation does not have."""

    code = "UnsupportedRegion"
    why = _("This region doesn't exist here.")
    mend = _("Call GetRegions for the list.")


class UnsupportedProtocol(KMSError):
    """An HTTP method other than GET and POST."""

    code = "UnsupportedProtocol"
    http_status = 405
    why = _("Only GET and POST are accepted.")
    mend = _("Send the request with POST.")


class RequestTooLarge(KMSError):
    """A body over the limit."""

    code = "InvalidParameter"
    http_status = 413
    why = _("The request is larger than %(limit)s bytes.")
    mend = _("Encrypt large data with a data key from GenerateDataKey.")


class RequestLimitExceeded(KMSError):
    """Too many requests."""

    code = "RequestLimitExceeded"
    http_status = 429
    why = _("Too many requests.")
    mend = _("Wait a moment, then try again more slowly.")


class ServiceTemporaryUnavailable(KMSError):
    """The HSM or the database can't be used now; nothing was changed."""

    code = "UnsupportedOperation.ServiceTemporaryUnavailable"
    http_status = 503
    why = _("The service is not available at the moment; nothing was changed.")
    mend = _("Try again in a few seconds.")


class InternalError(KMSError):
    """A fault of the service itself."""

    code = "InternalError"
    http_status = 500
    why = _("Something went wrong inside the service; nothing was given out.")
    mend = _("Try again, and quote the request ID to your operator.")
