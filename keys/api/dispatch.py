"""From a request on the wire to the operation it names, and back.

The order is fixed: authenticate, address, version, action, region, how it was signed,
then the parameters and the operation itself. Every refusal is recorded: before anybody
is known as the address's, afterwards as the caller's.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from keys.api import body, limits, products
from keys.api.authentication import Authenticated, authenticate
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
from kmsconsole.principals import Call, Kind

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
    try:
        sender = authenticate(environ)
    except KMSError as refusal:
        if refusal.http_status < _SERVER_FAULT:
            record_unauthenticated_refusal(
                name if operation else _UNKNOWN_ACTION,
                refusal,
                source_address=source_address,
                request_id=request_id,
            )
        raise
    region = environ.get("HTTP_X_TC_REGION") or settings.KMS_REGIONS[0]
    call = Call(
        principal=sender.credential.principal,
        region=region if region in settings.KMS_REGIONS else "",
        request_id=request_id,
        source_address=source_address,
        signature_hash=sender.authorization.fingerprint(),
    )
    try:
        known, parameters = _resolve(environ, operation, call, sender)
        limits.count(call, known)
        if call.principal.kind is Kind.PRODUCT:
            call, parameters = products.acting(call, known, parameters)
    except KMSError as refusal:
        record_refusal(call, name if operation else _UNKNOWN_ACTION, refusal)
        raise
    return known.execute(call, parameters).output


def _resolve(
    environ: Mapping[str, Any],
    operation: type[Operation] | None,
    call: Call,
    sender: Authenticated,
) -> tuple[type[Operation], dict[str, Any]]:
    """Return what to execute and with which parameters."""
    sender.credential.use(call.source_address)
    if environ.get("HTTP_X_TC_VERSION") != VERSION:
        raise NoSuchVersion
    if operation is None:
        raise InvalidAction
    if not call.region:
        raise UnsupportedRegion
    signs_action = sender.authorization.signs("x-tc-action")
    if sender.credential.require_signed_action and not signs_action:
        raise UnsignedAction
    if sender.request.method == "GET":
        return operation, body.parse_query(environ.get("QUERY_STRING", ""))
    return operation, body.parse_json(sender.request.body)
