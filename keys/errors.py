"""What can be wrong with a key or with data made by one."""

from django.utils.translation import gettext_lazy as _

from kmsconsole.errors import KMSError


class InvalidKeyId(KMSError):
    """A key ID that is no UUID."""

    code = "InvalidParameterValue.InvalidKeyId"
    why = _("The key ID is malformed.")
    mend = _("Send the ID as CreateKey or ListKeys gave it.")


class DuplicatedKeyId(KMSError):
    """The same key twice in one batch."""

    code = "InvalidParameterValue.DuplicatedKeyId"
    why = _("A key ID stands twice in the list.")
    mend = _("Name each key once.")


class CmkNotFound(KMSError):
    """No such key in this account and region, or one that was destroyed."""

    code = "ResourceUnavailable.CmkNotFound"
    http_status = 404
    why = _("There is no such key in this account and region.")
    mend = _("Check the key ID and the region.")


class EventNotFound(KMSError):
    """No such event in this account, or about this key."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no such event.")
    mend = _("Go back to the activity and choose another one.")


class CmkDisabled(KMSError):
    """The key's state forbids using it."""

    code = "ResourceUnavailable.CmkDisabled"
    http_status = 409
    why = _("The key can't be used: it is not enabled.")
    mend = _("Enable the key, then try again.")


class CmkArchived(KMSError):
    """An archived key only decrypts."""

    code = "ResourceUnavailable.CmkArchived"
    http_status = 409
    why = _("The key is archived: it decrypts, but no longer encrypts.")
    mend = _("Use another key, or take this one out of the archive.")


class EncryptionLimitReached(KMSError):
    """A version has made as many encryptions as its nonces safely allow."""

    code = "LimitExceeded.EncryptionLimitReached"
    http_status = 409
    why = _("The key has made as many encryptions as are safe; it still decrypts.")
    mend = _("Rotate the key, or use another one; imported keys can't be rotated.")


class UnreadableVersion(KMSError):
    """A stored version that doesn't unwrap to what it was."""

    code = "InternalError.UnreadableVersion"
    http_status = 500
    why = _("A stored version of the key can't be used any more.")
    mend = _("Put the database and the token back together from the same backup.")


class KeyPendingDelete(KMSError):
    """A key in its waiting period gives out no data keys."""

    code = "ResourceUnavailable.KeyPendingDelete"
    http_status = 409
    why = _("The key is waiting to be deleted.")
    mend = _("Cancel the deletion and enable the key, or use another one.")


class CmkStateNotSupport(KMSError):
    """The key's state doesn't allow this operation."""

    code = "ResourceUnavailable.CmkStateNotSupport"
    http_status = 409
    why = _("The key's present state doesn't allow this.")
    mend = _("Look at the state of the key with DescribeKey.")


class NotUserCreatedCmk(KMSError):
    """A key made by a cloud product can't be changed by people."""

    code = "UnsupportedOperation.NotUserCreatedCmk"
    http_status = 409
    why = _("This key is managed by a cloud product and can't be changed here.")
    mend = _("Use a key you created yourself.")


class CmkUsedByCloudProduct(KMSError):
    """A key that a cloud product uses can't be disabled or removed."""

    code = "FailedOperation.CmkUsedByCloudProduct"
    http_status = 409
    why = _("The key is being used by a cloud product.")
    mend = _("Release it in that product first.")


class CloudResourceBindingNotFound(KMSError):
    """There is no such binding to remove."""

    code = "ResourceUnavailable.CloudResourceBindingNotFound"
    http_status = 404
    why = _("This resource is not bound to the key.")
    mend = _("Check the key, the product and the resource.")


class NotPurchased(KMSError):
    """White-box keys, which this service doesn't have."""

    code = "ResourceUnavailable.NotPurchased"
    http_status = 404
    why = _("White-box keys are not available in this installation.")
    mend = _("Use a key of the HSM.")


class CmkShouldBeDisabled(KMSError):
    """An enabled key can't be scheduled for deletion."""

    code = "ResourceUnavailable.CmkShouldBeDisabled"
    http_status = 409
    why = _("The key is enabled; only a key nobody can use may be deleted.")
    mend = _("Disable the key first, watch whether anything misses it, then delete it.")


class CmkNotPendingDelete(KMSError):
    """There is no deletion to cancel."""

    code = "ResourceUnavailable.CmkNotPendingDelete"
    http_status = 409
    why = _("The key is not scheduled for deletion.")
    mend = _("There is nothing to cancel.")


class DeletionHeld(KMSError):
    """Somebody needs the key: it is not destroyed before somebody else decides."""

    code = "FailedOperation.DeletionHeld"
    http_status = 409
    why = _("The deletion is held: somebody tried to use the key.")
    mend = _("Confirm the deletion, or cancel it.")


class DeletionNotHeld(KMSError):
    """There is nothing to confirm."""

    code = "FailedOperation.DeletionNotHeld"
    http_status = 409
    why = _("Nothing holds the deletion of this key, or it was confirmed already.")
    mend = _("Look at the key's page for what happens when.")


class InvalidPendingWindow(KMSError):
    """A waiting period outside 7 to 30 days."""

    code = "InvalidParameter.InvalidPendingWindowInDays"
    why = _("The waiting period must be 7 to 30 days.")
    mend = _("Choose a whole number of days in that range.")


class ExternalCmkCanNotRotate(KMSError):
    """Imported material can't be replaced by rotation."""

    code = "UnsupportedOperation.ExternalCmkCanNotRotate"
    http_status = 409
    why = _("A key with imported material can't rotate: its material is yours to make.")
    mend = _("Create another key, import new material there, and re-encrypt.")


class RotateNotSupported(KMSError):
    """Rotation is off, or this kind of key has none."""

    code = "UnsupportedOperation.RotateNotSupported"
    http_status = 409
    why = _("Keys of this kind can't be rotated.")
    mend = _("Create another key and move to it.")


class RotationIsOff(RotateNotSupported):
    """A key is rotated by hand only while automatic rotation is on."""

    why = _("The key's automatic rotation is off.")
    mend = _("Turn on rotation, then rotate now.")


class RotateRateLimited(KMSError):
    """Rotated by hand too recently."""

    code = "RequestLimitExceeded.RotateRateLimited"
    http_status = 429
    why = _("The key was rotated by hand less than %(hours)s hours ago.")
    mend = _("Try again later.")


class RotateTaskRunning(KMSError):
    """Somebody else rotated the key in this very moment."""

    code = "FailedOperation.RotateTaskRunning"
    http_status = 409
    why = _("The key is being rotated right now.")
    mend = _("Look at its versions before you rotate it again.")


class NotExternalCmk(KMSError):
    """Material can only be imported into a key made for that."""

    code = "UnsupportedOperation.NotExternalCmk"
    http_status = 409
    why = _("The material of this key was generated in the HSM.")
    mend = _("Create a key with external material for what you want to import.")


class ImportTokenExpired(KMSError):
    """A token that is unknown, replaced by a newer one, or older than 24 hours."""

    code = "ResourceUnavailable.TokenExpired"
    http_status = 409
    why = _("The import token is not valid: it expired, or a newer one replaced it.")
    mend = _("Get new import parameters and wrap the material with their public key.")


class DecryptMaterialError(KMSError):
    """What was uploaded is no AES-256 key wrapped with the public key of the token."""

    code = "InvalidParameter.DecryptMaterialError"
    why = _("The wrapped key material can't be read.")
    mend = _(
        "Wrap exactly 32 bytes with the public key of this token, with the padding "
        "you chose for it."
    )


class MaterialNotMatch(KMSError):
    """A key keeps the material of its first import for ever."""

    code = "InvalidParameterValue.MaterialNotMatch"
    http_status = 409
    why = _("This is not the material that was first imported into the key.")
    mend = _("Import the same material, or create another key for this one.")


class DecryptError(KMSError):
    """RSA decryption failed; never told why."""

    code = "FailedOperation.DecryptError"
    why = _("The ciphertext can't be decrypted.")
    mend = _("Encrypt with this key's public key and the algorithm you name.")


class LegacyPaddingOff(KMSError):
    """PKCS#1 v1.5 decryption, which is off unless somebody switches it on."""

    code = "InvalidParameter"
    http_status = 409
    why = _("This key doesn't decrypt RSAES_PKCS1_V1_5.")
    mend = _(
        "Use an OAEP algorithm; or, for old clients and knowing the risk, let the key "
        "do it with AllowLegacyPadding."
    )


class TagKeysDuplicated(KMSError):
    """The same tag name twice."""

    code = "InvalidParameterValue.TagKeysDuplicated"
    why = _("A tag name stands twice in the list.")
    mend = _("Name each tag once.")


class InvalidTag(KMSError):
    """A tag outside the rules."""

    code = "InvalidParameterValue"
    why = _("A tag is not allowed.")
    mend = _(
        "Use names of 1 to 127 and values of up to 255 characters, without control "
        "characters, at most 50 to a key; names must not begin with “kms:”."
    )


class KeyChanged(KMSError):
    """Somebody else changed the key since it was read."""

    code = "FailedOperation.KeyChanged"
    http_status = 409
    why = _("Somebody else changed this key while you were editing it.")
    mend = _("Look at what changed, then save again if yours should stand.")


class AliasAlreadyExists(KMSError):
    """The name is taken in this account and region."""

    code = "InvalidParameterValue.AliasAlreadyExists"
    http_status = 409
    why = _("Another key in this region already has this name.")
    mend = _("Choose another name; upper and lower case count as the same.")


class InvalidAlias(KMSError):
    """A name outside the rule."""

    code = "InvalidParameterValue.InvalidAlias"
    why = _("The key name is not allowed.")
    mend = _(
        "Use 1 to 60 letters, digits, hyphens and underscores, beginning with a letter "
        "or digit and not with “kms-”."
    )


class InvalidKeyUsage(KMSError):
    """An unknown usage, or one this operation can't work with."""

    code = "InvalidParameterValue.InvalidKeyUsage"
    why = _("The key usage is unknown, or this operation needs another one.")
    mend = _("Call ListAlgorithms for what exists here.")


class UnsupportedKeyUsage(KMSError):
    """A usage the source product has, but this installation's HSM does not."""

    code = "UnsupportedOperation.UnsupportedKeyUsageInCurrentRegion"
    why = _("This installation has no keys of this usage.")
    mend = _("Call ListAlgorithms for what exists here.")


class InvalidType(KMSError):
    """A kind of key material that doesn't exist."""

    code = "InvalidParameterValue.InvalidType"
    why = _("This source of key material doesn't exist, or not for this usage.")
    mend = _(
        "Send 1 for material generated in the HSM; 2, to import it, is for "
        "ENCRYPT_DECRYPT only."
    )


class InvalidHsmClusterId(KMSError):
    """There are no HSM clusters to choose from."""

    code = "InvalidParameterValue.InvalidHsmClusterId"
    why = _("There is no such HSM cluster.")
    mend = _("Leave the parameter out.")


class CmkLimitExceeded(KMSError):
    """The account has as many keys in this region as its operator allows."""

    code = "LimitExceeded.CmkLimitExceeded"
    http_status = 409
    why = _("The account already has its %(limit)s keys in this region.")
    mend = _("Remove keys you don't need, or ask your operator for more.")


class InvalidPlaintext(KMSError):
    """Plaintext that is not Base64 or too long."""

    code = "InvalidParameterValue.InvalidPlaintext"
    why = _("The plaintext must be Base64 of 1 to 4096 bytes.")
    mend = _("Encrypt larger data with a data key from GenerateDataKey.")


class InvalidCiphertext(KMSError):
    """Malformed, foreign or altered ciphertext, or another context; not told which."""

    code = "InvalidParameterValue.InvalidCiphertext"
    why = _("The ciphertext can't be decrypted.")
    mend = _("Send the whole ciphertext, with the encryption context it was made with.")


class InvalidContext(KMSError):
    """An encryption context that is no JSON object of strings."""

    code = "InvalidParameter"
    why = _("The encryption context can't be read.")
    mend = _(
        "Send a JSON object of unique names with text values, at most 1024 characters."
    )
