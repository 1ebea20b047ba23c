"""The parsers that read what strangers send, each as one function of bytes.

A target returns normally or raises what it is documented to raise; anything else is a
finding. None of them needs a database or the HSM.
"""

import io
from collections.abc import Callable
from contextlib import suppress

from pydantic import ValidationError

from keys.api import body, signature
from keys.api.signature import SignedRequest
from keys.crypto import ciphertext
from keys.crypto.ciphertext import CiphertextRefused
from keys.crypto.context import MAX_CHARACTERS, ContextRefused, canonical_context
from kmsconsole.errors import InternalError, KMSError
from kmsconsole.inputs import refusal_of
from kmsconsole.operations import registry
from kmsconsole.principals import SecretKey

_NOW = 1_700_000_000.0
_FAMILIES = {
    *("InvalidParameter", "InvalidParameterValue", "MissingParameter"),
    *("UnknownParameter", "UnsupportedOperation"),
}


def _latin(data: bytes) -> str:
    # As a WSGI server hands on headers and query.
    return data.decode("latin-1")


def _refused(error: KMSError) -> None:
    assert not isinstance(error, InternalError)
    assert error.code.split(".")[0] in {"AuthFailure", "InvalidParameter"}, error.code
    assert error.message


def authorization(data: bytes) -> None:
    """An Authorization header, a timestamp behind a line break."""
    header, _, timestamp = _latin(data).partition("\n")
    try:
        parsed = signature.parse_authorization(header)
        signature.check_time(parsed, timestamp, _NOW)
        environ = {"CONTENT_TYPE": "application/json", "HTTP_HOST": header[:64]}
        request = SignedRequest("POST", timestamp, environ, data)
        assert not signature.holds(request, parsed, SecretKey("secret"))
        assert len(parsed.fingerprint(timestamp)) == 32
    except KMSError as error:
        _refused(error)


def json_body(data: bytes) -> None:
    """A body that says it is JSON."""
    try:
        found = body.parse_json(data)
    except KMSError as error:
        _refused(error)
        return
    assert type(found) is dict
    for name in found:
        name.encode("utf-8")


def query(data: bytes) -> None:
    """The query of a GET."""
    try:
        found = body.parse_query(_latin(data))
    except KMSError as error:
        _refused(error)
        return
    assert all(name for name in found)


def stream(data: bytes) -> None:
    """A body whose declared length stands before a line break."""
    declared, _, rest = data.partition(b"\n")
    environ = {"CONTENT_LENGTH": _latin(declared), "wsgi.input": io.BytesIO(rest)}
    try:
        assert len(body.read(environ)) <= body.MOST_BODY_BYTES
    except KMSError as error:
        _refused(error)


def content_type(data: bytes) -> None:
    """A content type."""
    try:
        body.need_json(_latin(data))
    except KMSError as error:
        _refused(error)


def blob(data: bytes) -> None:
    """A ciphertext blob; whatever decodes has one spelling."""
    text = data.decode("utf-8", "replace")
    with suppress(CiphertextRefused):
        assert ciphertext.encode(ciphertext.decode(text)) == text


def context(data: bytes) -> None:
    """An encryption context; white space round it changes nothing."""
    text = data.decode("utf-8", "replace")
    with suppress(ContextRefused):
        once = canonical_context(text)
        if text and len(text) < MAX_CHARACTERS:
            assert canonical_context(f" {text}") == once


def parameters(data: bytes) -> None:
    """An action, and behind a line break the body with its parameters."""
    action, _, content = data.partition(b"\n")
    operation = registry().get(_latin(action))
    if operation is None:
        return
    try:
        operation.Input.model_validate(body.parse_json(content))
    except ValidationError as error:
        refused: KMSError = refusal_of(error)
    except KMSError as error:
        refused = error
    else:
        return
    assert refused.code.split(".")[0] in _FAMILIES, refused.code
    assert refused.message


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (
        *(authorization, json_body, query, stream, content_type, blob, context),
        parameters,
    )
}
