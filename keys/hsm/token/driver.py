"""python-pkcs11 as a Connection sees it: load, find the token, log in, prove."""

from typing import Any

from pkcs11 import Attribute, Mechanism, ObjectClass, PKCS11Error, _pkcs11
from pkcs11.attributes import AttributeMapper

from keys.hsm import library
from keys.hsm.token import objects


class _LockingLibrary(_pkcs11.lib):
    """The module, initialised for many threads instead of for one."""

    def initialize(self) -> None:
        library.initialise(self.so)

    def finalize(self) -> None:
        library.finalise(self.so)


class Pkcs11Driver:
    """The Driver of a Connection."""

    error: type[Exception] = PKCS11Error

    def __init__(self) -> None:
        self._mapper = AttributeMapper()
        self._mapper.register_handler(
            Attribute.UNWRAP_TEMPLATE, library.pack_flags, bytes
        )

    def load(self, path: str) -> Any:
        """Load and initialise the module."""
        return _LockingLibrary(path)

    def find_tokens(self, module: Any, label: str) -> list[Any]:
        """Return the tokens of this label."""
        tokens = [slot.get_token() for slot in module.get_slots(token_present=True)]
        return [token for token in tokens if token.label == label]

    def open(self, token: Any, pin: str) -> Any:
        """Return a session of the logged-in user."""
        return token.open(rw=True, user_pin=pin, attribute_mapper=self._mapper)

    def is_present(self, session: Any) -> bool:
        """Whether the session's token still answers to its label."""
        return bool(session.token.slot.get_token().label == session.token.label)

    def find(self, session: Any, object_id: bytes) -> list[Any]:
        """Return the secret keys of this id."""
        return objects.find(session, object_id, ObjectClass.SECRET_KEY)

    def hmac(self, key: Any, message: bytes) -> bytes:
        """Return HMAC-SHA256 of the message."""
        answer: bytes = key.sign(message, mechanism=Mechanism.SHA256_HMAC)
        return answer
