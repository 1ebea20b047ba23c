"""Who sent this request: steps from the raw request to a verified access key."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog
from django.db import Error as DatabaseError

from keys.api import body, signature
from keys.api.errors import TokenFailure
from keys.api.signature import Authorization, SignedRequest
from keys.hsm.errors import HsmError
from kmsconsole import clock, randomness
from kmsconsole.errors import (
    LegacySignature,
    SecretIdNotFound,
    ServiceTemporaryUnavailable,
    SignatureFailure,
    UnsignedPayload,
    UnsupportedProtocol,
)
from kmsconsole.principals import Credential, SecretKey, find_credential

log = structlog.get_logger(__name__)

METHODS = frozenset({"GET", "POST"})
_LEGACY_MARKS = ("Signature=", "SignatureMethod=", "SecretId=")
_UNSIGNED = "UNSIGNED-PAYLOAD"
# Checked against when nobody has the SecretId, so that the work done is the same.
_NOBODYS_SECRET = SecretKey(randomness.token_bytes(16).hex())


class Received(NamedTuple):
    """A whole request in form and in time; who sent it was not looked at yet."""

    authorization: Authorization
    request: SignedRequest
    fingerprint: bytes


def receive(environ: Mapping[str, Any]) -> Received:
    """Read a request; raises the KMSError that refuses it otherwise."""
    method = environ["REQUEST_METHOD"]
    if method not in METHODS:
        raise UnsupportedProtocol
    authorization = _authorization(environ, method)
    timestamp = environ.get("HTTP_X_TC_TIMESTAMP", "")
    signature.check_time(authorization, timestamp, clock.now().timestamp())
    content = b""
    if method == "POST":
        body.need_json(environ.get("CONTENT_TYPE", ""))
        content = body.read(environ)
    request = SignedRequest(method, timestamp, environ, content)
    return Received(authorization, request, authorization.fingerprint(timestamp))


def authenticate(received: Received) -> Credential:
    """Return whose signature a request bears; raises the KMSError that refuses it."""
    credential = _find(received.authorization.secret_id)
    secret_key = _NOBODYS_SECRET if credential is None else credential.secret_key
    holds = signature.holds(received.request, received.authorization, secret_key)
    if credential is None:
        raise SecretIdNotFound
    if not holds:
        raise SignatureFailure
    return credential


def _authorization(environ: Mapping[str, Any], method: str) -> Authorization:
    header = environ.get("HTTP_AUTHORIZATION", "")
    if not header and _is_legacy(environ, method):
        raise LegacySignature
    authorization = signature.parse_authorization(header)
    if environ.get("HTTP_X_TC_CONTENT_SHA256", "").strip().upper() == _UNSIGNED:
        raise UnsignedPayload
    if environ.get("HTTP_X_TC_TOKEN"):
        raise TokenFailure
    return authorization


def _is_legacy(environ: Mapping[str, Any], method: str) -> bool:
    if method == "POST":
        form = "application/x-www-form-urlencoded"
        return bool(environ.get("CONTENT_TYPE", "").lower().startswith(form))
    parameters = environ.get("QUERY_STRING", "").split("&")
    return any(parameter.startswith(_LEGACY_MARKS) for parameter in parameters)


def _find(secret_id: str) -> Credential | None:
    try:
        return find_credential(secret_id)
    except (DatabaseError, HsmError) as error:
        # Without either nobody can be known; that is no fault of the caller.
        # Texts of the HSM layer are fixed; those of a database may quote input.
        why = str(error) if isinstance(error, HsmError) else ""
        log.error("credentials can't be read", error=type(error).__name__, reason=why)  # noqa: TRY400
        raise ServiceTemporaryUnavailable from None
