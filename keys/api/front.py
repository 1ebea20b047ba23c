"""Stands before Django: takes what speaks the API, hands everything else on.

API requests know no session, cookie, form or page; they bypass the browser's
middleware altogether and always get HTTP 200 with one JSON object, because clients
read nothing else.
"""

import json
import traceback
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

import structlog
from django.db import Error as DatabaseError
from django.utils import translation

from keys.api import dispatch, foresight
from keys.api.authentication import METHODS
from keys.api.dispatch import Incoming
from kmsconsole.errors import (
    InternalError,
    KMSError,
    ServiceTemporaryUnavailable,
)
from kmsconsole.operations import Gathered
from kmsconsole.statements import Ahead, close_if_unusable

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger(__name__)

_OK = "200 OK"
_HEADERS = [
    # Clients parse errors only under exactly this type, without a charset.
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

# Headers and content; the status is always 200.
Answer = tuple[list[tuple[bytes, bytes]], bytes]


class ApiFront:
    """A WSGI application: the API on `/`, the console behind it everywhere else."""

    def __init__(self, console: "WSGIApplication") -> None:
        self._console = console

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer an API request, or let the console answer."""
        if environ["PATH_INFO"] != "/" or not speaks_api(environ):
            return self._console(environ, start_response)
        close_if_unusable()
        incoming = dispatch.take(environ)
        (ahead,) = foresight.read([incoming])
        headers, content = _written(_answer(incoming, ahead))
        start_response(
            _OK, [(name.decode(), value.decode()) for name, value in headers]
        )
        return [content]


class Begun:
    """Requests for quick operations that were done in turn; answered once recorded."""

    def __init__(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """Read together what they ask, and do one after the other."""
        # What Django does before each request, without the cost of its signals; what
        # it does afterwards is done before the next one.
        close_if_unusable()
        self._incoming = [dispatch.take(environ) for environ in requests]
        self._gathered: Gathered[dict[str, Any]] | None = None
        try:
            ahead = foresight.read(self._incoming)
            self._gathered = Gathered(
                map(partial, repeat(_answer), self._incoming, ahead)
            )
        except Exception as fault:  # noqa: BLE001 - whoever waits must get an answer
            _log_fault(fault, "")

    def answers(self) -> list[Answer]:
        """Commit their events together, then return an answer for each."""
        done: Sequence[dict[str, Any] | DatabaseError] = []
        try:
            if self._gathered is not None:
                done = self._gathered.commit()
        except Exception as fault:  # noqa: BLE001 - whoever waits must get an answer
            _log_fault(fault, "")
        if not done:
            done = [_refused(InternalError(), each) for each in self._incoming]
        return [
            _written(
                _refused(ServiceTemporaryUnavailable(), each)
                if isinstance(answer, DatabaseError)
                else answer
            )
            for each, answer in zip(self._incoming, done, strict=True)
        ]


def _written(content: dict[str, Any]) -> Answer:
    text = _encode({"Response": content}).encode("ascii")
    return [*_HEADERS, (b"content-length", b"%d" % len(text))], text


def speaks_api(environ: Mapping[str, Any]) -> bool:
    """Say whether a request on `/` is for the API rather than from a browser."""
    method = environ["REQUEST_METHOD"]
    if method == "POST":
        return True
    if method not in METHODS:
        return any(name.startswith("HTTP_X_TC_") for name in environ)
    return (
        "HTTP_X_TC_ACTION" in environ
        or environ.get("HTTP_AUTHORIZATION", "").startswith("TC3-")
        or any(
            parameter.startswith("Action=")
            for parameter in environ.get("QUERY_STRING", "").split("&")
        )
    )


def _answer(incoming: Incoming, ahead: Ahead) -> dict[str, Any]:
    """Return the content of `Response`."""
    try:
        output = dispatch.run(incoming, ahead)
    except KMSError as error:
        return _refused(error, incoming)
    except DatabaseError as fault:
        _log_fault(fault, incoming.request_id)
        return _refused(ServiceTemporaryUnavailable(), incoming)
    except Exception as fault:  # noqa: BLE001 - the boundary for all of them
        _log_fault(fault, incoming.request_id)
        return _refused(InternalError(), incoming)
    return {**output, "RequestId": incoming.request_id}


def _refused(refusal: KMSError, incoming: Incoming) -> dict[str, Any]:
    told = {"Code": refusal.code, "Message": _message(refusal, incoming.environ)}
    return {"Error": told, "RequestId": incoming.request_id}


def _message(refusal: KMSError, environ: Mapping[str, Any]) -> str:
    # Always set: the thread may still speak the language of the page before.
    chinese = environ.get("HTTP_X_TC_LANGUAGE", "").lower().startswith("zh")
    with translation.override("zh-hans" if chinese else "en"):
        return refusal.message


def _log_fault(fault: Exception, request_id: str) -> None:
    # The texts of exceptions may quote input: only their types and places are kept.
    places = traceback.extract_tb(fault.__traceback__)
    log.error(
        "API request failed",
        request=request_id,
        fault=type(fault).__name__,
        at=" < ".join(f"{at.filename}:{at.lineno} {at.name}" for at in places[::-1]),
    )
