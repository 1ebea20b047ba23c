"""From a request on the wire to the operation it names, and back.

The order is fixed: authenticate, address, version, action, region, how it was signed,
then the parameters and the operation itself. Every refusal is recorded: before anybody
is known as the address's, afterwards as the caller's.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.conf import settings

from keys.api import body, limits, products
from keys.api.authentication import Received, authenticate, receive
from kmsconsole import randomness
from kmsconsole.addresses import client_address
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
from kmsconsole.statements import Ahead, having

VERSION = "2019-01-18"

_UNKNOWN_ACTION = "Unknown"
_SERVER_FAULT = 500


class Incoming(NamedTuple):
    """A request as it came; `received` holds what kept it from being read, if so."""

    environ: Mapping[str, Any]
    request_id: str
    source_address: str
    operation: type[Operation] | None
    received: Received | Exception

    @property
    def asked(self) -> str:
        """The action for the audit, where what nobody knows has one name."""
        return _UNKNOWN_ACTION if self.operation is None else self.operation.__name__


def take(environ: Mapping[str, Any]) -> Incoming:
    """Read a WSGI request as far as that needs nobody; never raises."""
    received: Received | Exception
    try:
        received = receive(environ)
    except Exception as error:  # noqa: BLE001 - `run` raises it
        received = error
    return Incoming(
        environ,
        str(randomness.uuid4()),
        client_address(environ),
        operation_named(environ.get("HTTP_X_TC_ACTION", "")),
        received,
    )


def run(incoming: Incoming, ahead: Ahead) -> dict[str, Any]:
    """Run the action of a request and return its output by wire names.

    `ahead` holds rows that were read for it. Raises the KMSError that refused it;
    anything else is a fault of this module.
    """
    with having(ahead):
        try:
            if isinstance(incoming.received, Exception):
                raise incoming.received
            credential = authenticate(incoming.received)
        except KMSError as refusal:
            _record_nobodys(incoming, refusal)
            raise
        region = incoming.environ.get("HTTP_X_TC_REGION") or settings.KMS_REGIONS[0]
        call = Call(
            principal=credential.principal,
            region=region if region in settings.KMS_REGIONS else "",
            request_id=incoming.request_id,
            source_address=incoming.source_address,
            signature_hash=incoming.received.fingerprint,
        )
        try:
            known, parameters = _resolve(
                incoming.operation, call, credential, incoming.received
            )
            limits.count(call, known)
            if call.principal.kind is Kind.PRODUCT:
                call, parameters = products.acting(call, known, parameters)
        except KMSError as refusal:
            record_refusal(call, incoming.asked, refusal)
            raise
        return known.execute(call, parameters).output


def _record_nobodys(incoming: Incoming, refusal: KMSError) -> None:
    if refusal.http_status < _SERVER_FAULT:
        record_unauthenticated_refusal(
            incoming.asked,
            refusal,
            source_address=incoming.source_address,
            request_id=incoming.request_id,
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
