"""From a request on the wire to the operation it names, and back.

The order is fixed: authenticate, address, version, action, region, how it was signed,
then the parameters and the operation itself. Every refusal is recorded: before anybody
is known as the address's, afterwards as the caller's.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from keys.api import body, limits, products
from keys.api.authentication import Received, authenticate, receive
from kmsconsole.errors import (
    InvalidAction,
    KMSError,
    NoSuchVersion,
    UnsignedAction,
    UnsupportedRegion,
)
from kmsconsole.operations import (
    Operation,
    operation_named,
    record_refusal,
    record_unauthenticated_refusal,
)
from kmsconsole.principals import Call, Credential, Kind
from kmsconsole.statements import reading_ahead

VERSION = "2019-01-18"

_UNKNOWN_ACTION = "Unknown"
_SERVER_FAULT = 500


def run(
    environ: Mapping[str, Any], request_id: str, source_address: str
) -> dict[str, Any]:
    """Run the action of a WSGI request and return its output by wire names.

    Raises the KMSError that refused it; anything else is a fault of this module.
    """
    name = environ.get("HTTP_X_TC_ACTION", "")
    operation = operation_named(name)
    asked = name if operation else _UNKNOWN_ACTION
    try:
        received = receive(environ)
    except KMSError as refusal:
        _record_nobodys(asked, refusal, source_address, request_id)
        raise
    with reading_ahead():
        try:
            credential = authenticate(received, operation)
        except KMSError as refusal:
            _record_nobodys(asked, refusal, source_address, request_id)
            raise
        region = environ.get("HTTP_X_TC_REGION") or settings.KMS_REGIONS[0]
        call = Call(
            principal=credential.principal,
            region=region if region in settings.KMS_REGIONS else "",
            request_id=request_id,
            source_address=source_address,
            signature_hash=received.fingerprint,
        )
        try:
            known, parameters = _resolve(operation, call, credential, received)
            limits.count(call, known)
            if call.principal.kind is Kind.PRODUCT:
                call, parameters = products.acting(call, known, parameters)
        except KMSError as refusal:
            record_refusal(call, asked, refusal)
            raise
        return known.execute(call, parameters).output


def _record_nobodys(
    asked: str, refusal: KMSError, source_address: str, request_id: str
) -> None:
    if refusal.http_status < _SERVER_FAULT:
        record_unauthenticated_refusal(
            asked, refusal, source_address=source_address, request_id=request_id
        )


def _resolve(
    operation: type[Operation] | None,
    call: Call,
    credential: Credential,
    received: Received,
) -> tuple[type[Operation], dict[str, Any]]:
    """Return what to execute and with which parameters."""
    request = received.request
    credential.use(call.source_address)
    if request.environ.get("HTTP_X_TC_VERSION") != VERSION:
        raise NoSuchVersion
    if operation is None:
        raise InvalidAction
    if not call.region:
        raise UnsupportedRegion
    signs_action = received.authorization.signs("x-tc-action")
    if credential.require_signed_action and not signs_action:
        raise UnsignedAction
    if request.method == "GET":
        return operation, body.parse_query(request.environ.get("QUERY_STRING", ""))
    return operation, body.parse_json(request.body)
