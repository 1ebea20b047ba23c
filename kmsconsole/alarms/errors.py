"""What can be wrong with where somebody wants their alarms."""

from django.utils.translation import gettext_lazy as _

from kmsconsole.errors import KMSError


class InvalidMailAddress(KMSError):
    """No address that mail could be sent to."""

    code = "InvalidParameterValue"
    why = _("This is no e-mail address.")
    mend = _("Write it like name@example.com.")


class MailNotSetUp(KMSError):
    """The operator named no mail server."""

    code = "UnsupportedOperation"
    http_status = 409
    why = _("This installation sends no mail.")
    mend = _("Ask the operator to set it up, or use a webhook.")


class AskedTooSoon(KMSError):
    """Another code was sent a moment ago."""

    code = "RequestLimitExceeded"
    http_status = 429
    why = _("A code was sent less than a minute ago.")
    mend = _("Look for that message first, then ask again.")


class WrongCode(KMSError):
    """A code that doesn't prove the address, or no longer."""

    code = "InvalidParameterValue"
    why = _("The code is wrong, older than a day, or was tried too often.")
    mend = _("Type the code of the newest message, or ask for another one.")


class InvalidWebhookUrl(KMSError):
    """An address that nothing is posted to."""

    code = "InvalidParameterValue"
    why = _("Nothing can be posted to this address.")
    mend = _(
        "Send an https address without user name and fragment, of at most 1024 plain "
        "characters."
    )


class WebhookLimitExceeded(KMSError):
    """As many webhooks as a person may have."""

    code = "LimitExceeded"
    http_status = 409
    why = _("You have %(limit)s webhooks already.")
    mend = _("Delete one you don't need.")


class WebhookNotFound(KMSError):
    """No such webhook of this person."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("You have no such webhook.")
    mend = _("Go back to where your alarms go.")
