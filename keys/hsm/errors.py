"""What can go wrong at the HSM, in the classes callers need to tell apart.

No error here carries data, PINs or anything a caller sent: texts are fixed.
"""

from enum import Enum, auto


class HsmError(Exception):
    """Base of everything keys.hsm raises."""


class BadData(HsmError):
    """A ciphertext or blob was refused by an HSM that is otherwise well."""


class AlteredVersion(BadData):
    """A stored key version is not what was bound to its identity."""


class HsmDown(HsmError):
    """The HSM, its token or a pinned key cannot be used now; nothing was done."""


class HsmLimit(HsmError):
    """The HSM is out of sessions or memory for this process; shed load."""


class HsmPinRefused(HsmDown):
    """The PIN was refused; it is not tried again until it is changed."""


class HsmMismatch(HsmError):
    """A key in the HSM is not, or not protected as, what was recorded of it."""


class StaleHandle(HsmDown):
    """A handle outlived its session or its object; find or unwrap the key again."""


class Failure(Enum):
    """The classes a PKCS#11 error falls into."""

    DATA = auto()
    STALE_HANDLE = auto()
    STALE_SESSION = auto()
    LIMIT = auto()
    TEMPLATE = auto()
    PIN = auto()
    DOWN = auto()


# By the names python-pkcs11 gives the codes. SoftHSM answers GeneralError to a wrong
# tag and to a broken token alike, so DATA is only a candidate until a known answer has
# been computed on the token. OperationActive is an operation some earlier failure left
# open: only a new session is rid of it.
_NAMES: dict[Failure, tuple[str, ...]] = {
    Failure.DATA: (
        "GeneralError",
        "FunctionFailed",
        "ArgumentsBad",
        "DataInvalid",
        "DataLenRange",
        "EncryptedDataInvalid",
        "EncryptedDataLenRange",
        "WrappedKeyInvalid",
        "WrappedKeyLenRange",
    ),
    Failure.STALE_HANDLE: (
        "ObjectHandleInvalid",
        "KeyHandleInvalid",
        "WrappingKeyHandleInvalid",
        "UnwrappingKeyHandleInvalid",
    ),
    Failure.STALE_SESSION: (
        "SessionHandleInvalid",
        "SessionClosed",
        "UserNotLoggedIn",
        "OperationActive",
        "OperationNotInitialized",
    ),
    Failure.LIMIT: ("SessionCount", "HostMemory"),
    Failure.TEMPLATE: (
        "AttributeReadOnly",
        "AttributeTypeInvalid",
        "AttributeValueInvalid",
        "MechanismInvalid",
        "TemplateIncomplete",
        "TemplateInconsistent",
    ),
    Failure.PIN: (
        "PinIncorrect",
        "PinInvalid",
        "PinLenRange",
        "PinExpired",
        "PinLocked",
        "UserPinNotInitialized",
    ),
}
_FAILURES = {name: failure for failure, names in _NAMES.items() for name in names}


def failure_named(name: str) -> Failure:
    """Return the class of a PKCS#11 error by its name; the unknown are DOWN."""
    return _FAILURES.get(name, Failure.DOWN)
