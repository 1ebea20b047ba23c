"""What can be wrong with a request before anybody looks at what it asks for."""

from django.utils.translation import gettext_lazy as _

from kmsconsole.errors import InvalidAuthorization, KMSError


class UnreadableTimestamp(InvalidAuthorization):
    """X-TC-Timestamp is absent or no plain number."""

    why = _("X-TC-Timestamp is missing or can't be read.")
    mend = _("Send the Unix time in whole seconds that the signature was made with.")


class WrongDate(InvalidAuthorization):
    """The date of the credential scope belongs to another day than the timestamp."""

    why = _("The date in Credential is not the UTC date of X-TC-Timestamp.")
    mend = _("Derive both from the same moment, in UTC.")


class AnonymousRequest(InvalidAuthorization):
    """The client chose not to sign."""

    why = _("Requests without a signature are refused.")
    mend = _("Sign with TC3-HMAC-SHA256.")


class TokenFailure(KMSError):
    """A security token came along: there are no temporary credentials here."""

    code = "AuthFailure.TokenFailure"
    http_status = 401
    why = _("Temporary credentials don't exist here.")
    mend = _("Use an access key without X-TC-Token.")


class UnsupportedContentType(KMSError):
    """A body that is declared to be something else than JSON in UTF-8."""

    code = "InvalidParameter"
    http_status = 415
    why = _("This content type is not accepted.")
    mend = _("Send one JSON object as application/json.")
