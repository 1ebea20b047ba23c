"""What is done in the HSM: the only package that imports pkcs11."""

from keys.hsm.connection import Handle, TokenSettings, TokenStatus
from keys.hsm.token.calls import Token

__all__ = ("Handle", "Token", "TokenSettings", "TokenStatus")
