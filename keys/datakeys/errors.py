"""What can be wrong with a hosted data key, or with making one."""

from django.utils.translation import gettext_lazy as _

from kmsconsole.errors import KMSError


class InvalidDataKeyId(KMSError):
    """A data key ID that is no UUID."""

    code = "InvalidParameterValue.InvalidDataKeyId"
    why = _("The data key ID is malformed.")
    mend = _("Send the ID as ListDataKeys gave it.")


class DuplicatedDataKeyId(KMSError):
    """The same data key twice in one batch."""

    code = "InvalidParameterValue.DuplicatedDataKeyId"
    why = _("A data key ID stands twice in the list.")
    mend = _("Name each data key once.")


class InvalidDataKeyName(KMSError):
    """A name outside the rule."""

    code = "InvalidParameterValue.InvalidDataKeyName"
    why = _("The name of the data key is not allowed.")
    mend = _(
        "Use 1 to 60 letters, digits, hyphens and underscores, beginning with a letter "
        "or digit."
    )


class DataKeyNameAlreadyExists(KMSError):
    """The name is taken in this account and region."""

    code = "InvalidParameterValue.DataKeyNameAlreadyExists"
    http_status = 409
    why = _("Another data key in this region already has this name.")
    mend = _("Choose another name; upper and lower case count as the same.")


class InvalidImportKeyMaterial(KMSError):
    """A ciphertext that is none of this key, or holds no data key."""

    code = "InvalidParameterValue.InvalidImportKeyMaterial"
    why = _("The ciphertext is no data key that can be stored here.")
    mend = _(
        "Send a ciphertext that GenerateDataKey gave without an encryption context, "
        "and the key it was made with or none."
    )


class InvalidImportType(KMSError):
    """A way of importing that doesn't exist."""

    code = "InvalidParameterValue.InvalidType"
    why = _("This way of importing doesn't exist.")
    mend = _("Send 1 for a ciphertext of this service, 2 for plaintext.")


class DataKeyLimitExceeded(KMSError):
    """The account has as many data keys in this region as its operator allows."""

    code = "LimitExceeded.DataKeyLimitExceeded"
    http_status = 409
    why = _("The account already has its %(limit)s data keys in this region.")
    mend = _("Remove data keys you don't need, or ask your operator for more.")


class DataKeyNotFound(KMSError):
    """No such data key in this account and region."""

    code = "ResourceUnavailable.DataKeyNotFound"
    http_status = 404
    why = _("There is no such data key in this account and region.")
    mend = _("Check the data key ID and the region.")


class DataKeyDisabled(KMSError):
    """A disabled data key gives out no plaintext."""

    code = "ResourceUnavailable.DataKeyDisabled"
    http_status = 409
    why = _("The data key is disabled.")
    mend = _("Enable it, then try again.")


class DataKeyPendingDelete(KMSError):
    """A data key in its waiting period gives out no plaintext."""

    code = "ResourceUnavailable.DataKeyPendingDelete"
    http_status = 409
    why = _("The data key is waiting to be deleted.")
    mend = _("Cancel the deletion and enable it, or use another one.")


class DataKeyNotPendingDelete(KMSError):
    """There is no deletion to cancel."""

    code = "ResourceUnavailable.DataKeyNotPendingDelete"
    http_status = 409
    why = _("The data key is not scheduled for deletion.")
    mend = _("There is nothing to cancel.")


class DataKeyStateNotSupport(KMSError):
    """The data key's state doesn't allow this operation."""

    code = "ResourceUnavailable.DataKeyStateNotSupport"
    http_status = 409
    why = _("The data key's present state doesn't allow this.")
    mend = _("Look at its state with DescribeDataKey.")


class EncryptionError(KMSError):
    """The answer can't be encrypted to the caller's public key."""

    code = "FailedOperation.EncryptionError"
    why = _("The answer can't be encrypted to this public key.")
    mend = _(
        "Send an RSA public key of 2048 to 4096 bits as PEM, and one of the RSA "
        "algorithms: this installation has no SM2. Random bytes must be short enough "
        "for the key."
    )
