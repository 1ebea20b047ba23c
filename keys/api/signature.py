"""TC3-HMAC-SHA256: what an Authorization header says, and whether its signature holds.

Everything is computed over the bytes as they arrived: host, content type, query and
body are never normalised first, and the service is whatever the credential scope
names, because clients derive it from the address they were given. No clock, database
or settings here.
"""

import datetime as dt
import hmac
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from keys.api.errors import AnonymousRequest, UnreadableTimestamp, WrongDate
from kmsconsole.errors import InvalidAuthorization, SignatureExpire
from kmsconsole.principals import SecretKey

METHOD = "TC3-HMAC-SHA256"
MOST_SECONDS_OFF = 300

_TERMINATOR = "tc3_request"
_REQUIRED_HEADERS = frozenset({"content-type", "host"})
_HEADER_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_LONGEST_AUTHORIZATION = 2048
_LONGEST_NAME = 64
_LONGEST_TIMESTAMP = 12
_SIGNATURE_LENGTH = 64
_EPOCH = dt.date(1970, 1, 1)
_SECONDS_A_DAY = 86_400
_MOST_SECONDS = 0xFFFF_FFFF


class Authorization(NamedTuple):
    """The parts of an Authorization header, well-formed but not verified."""

    secret_id: str
    date: str
    service: str
    signed_headers: str
    signature: str

    def signs(self, header: str) -> bool:
        """Say whether the header of this lower-case name is covered."""
        return header in self.signed_headers.split(";")

    def fingerprint(self, timestamp: str) -> bytes:
        """Return 32 bytes by which the same signature is known again.

        The signed second comes first, so that an index over fingerprints grows at one
        place; what follows are 28 bytes of a SHA-256.
        """
        # Neither part can hold a line break, so no two pairs share their bytes.
        known = sha256(f"{self.secret_id}\n{self.signature}".encode("ascii")).digest()
        return (int(timestamp) & _MOST_SECONDS).to_bytes(4, "big") + known[:28]


class SignedRequest(NamedTuple):
    """What a signature covers.

    `environ` is a WSGI environ: texts in it are the raw bytes read as Latin-1.
    `timestamp` is the text that `check_time` let pass; `body` is empty for a GET.
    """

    method: str
    timestamp: str
    environ: Mapping[str, Any]
    body: bytes


def parse_authorization(header: str) -> Authorization:
    """Take the header apart; raises InvalidAuthorization for anything out of form."""
    if header == "SKIP":
        raise AnonymousRequest
    method, _, rest = header.partition(" ")
    fields = rest.split(",")
    if (
        method != METHOD
        or len(header) > _LONGEST_AUTHORIZATION
        or not header.isascii()
        or len(fields) != 3  # noqa: PLR2004 - the three unpacked below
    ):
        raise InvalidAuthorization
    credential, signed_headers, signature = fields
    scope = _field(credential, "Credential=").split("/")
    if len(scope) != 4 or scope[3] != _TERMINATOR:  # noqa: PLR2004 - unpacked below
        raise InvalidAuthorization
    secret_id, date, service, _ = scope
    if (
        not (secret_id.isalnum() and len(secret_id) <= _LONGEST_NAME)
        or not (service.isprintable() and 0 < len(service) <= _LONGEST_NAME)
        or " " in service
    ):
        raise InvalidAuthorization
    parsed = Authorization(
        secret_id,
        date,
        service,
        _field(signed_headers, "SignedHeaders="),
        _field(signature, "Signature="),
    )
    header_keys(parsed.signed_headers)
    if len(parsed.signature) != _SIGNATURE_LENGTH:
        raise InvalidAuthorization
    return parsed


def _field(text: str, name: str) -> str:
    text = text.strip(" ")
    if not text.startswith(name):
        raise InvalidAuthorization
    return text[len(name) :]


@lru_cache(maxsize=64)
def header_keys(signed_headers: str) -> tuple[tuple[str, str], ...]:
    """Return (header name, environ key) of each signed header, in order.

    Raises InvalidAuthorization unless the names are lower-case, sorted, unique and
    contain the two that every request must sign.
    """
    names = signed_headers.split(";")
    if names != sorted(set(names)) or not _REQUIRED_HEADERS.issubset(names):
        raise InvalidAuthorization
    # An underscore would alias another header: WSGI folds both into one key.
    if not all(name and _HEADER_CHARACTERS.issuperset(name) for name in names):
        raise InvalidAuthorization
    return tuple((name, _environ_key(name)) for name in names)


def _environ_key(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}"


def check_time(authorization: Authorization, timestamp: str, now: float) -> None:
    """Refuse a timestamp that is unreadable, too far off, or of another date.

    `timestamp` is the header's text, `now` the server's Unix time.
    """
    if not (
        timestamp.isascii()
        and timestamp.isdigit()
        and len(timestamp) <= _LONGEST_TIMESTAMP
        and (timestamp[0] != "0" or timestamp == "0")
    ):
        raise UnreadableTimestamp
    moment = int(timestamp)
    if abs(now - moment) > MOST_SECONDS_OFF:
        raise SignatureExpire
    if authorization.date != _utc_date(moment // _SECONDS_A_DAY):
        raise WrongDate


@lru_cache(maxsize=8)
def _utc_date(day: int) -> str:
    """Return the ISO date of a day counted from 1970-01-01."""
    return (_EPOCH + dt.timedelta(days=day)).isoformat()


def holds(
    request: SignedRequest, authorization: Authorization, secret_key: SecretKey
) -> bool:
    """Say whether the signature was made over this request with this secret.

    Header values count as they were sent, or else trimmed and in lower case: clients
    sign the one, the protocol's text asks for the other. The Node SDK signs the host
    without the port it sends. Raises InvalidAuthorization where a signed header is
    absent.
    """
    environ = request.environ
    try:
        sent = [
            (name.encode("ascii"), environ[key].encode("latin-1"))
            for name, key in header_keys(authorization.signed_headers)
        ]
    except KeyError:
        raise InvalidAuthorization from None
    key = _signing_key(secret_key, authorization.date, authorization.service)
    if _matches(request, authorization, key, sent):
        return True
    folded = [(name, value.strip().lower()) for name, value in sent]
    if folded != sent and _matches(request, authorization, key, folded):
        return True
    without_port = [
        (name, _host_alone(value) if name == b"host" else value) for name, value in sent
    ]
    return without_port != sent and _matches(request, authorization, key, without_port)


def _host_alone(value: bytes) -> bytes:
    host, _, port = value.rpartition(b":")
    return host if port.isdigit() else value


def _signing_key(secret_key: SecretKey, date: str, service: str) -> bytes:
    # Who signs does so for one service, and for a whole day.
    # Read once: other threads replace it.
    last = secret_key.derived
    if last is not None and last[0] == (date, service):
        return last[1]
    key = f"TC3{secret_key}".encode()
    for part in (date, service, _TERMINATOR):
        key = hmac.digest(key, part.encode("ascii"), "sha256")
    secret_key.derived = (date, service), key
    return key


def _matches(
    request: SignedRequest,
    authorization: Authorization,
    key: bytes,
    headers: list[tuple[bytes, bytes]],
) -> bool:
    # A POST signs its body and no query; nothing reads the query of one.
    is_get = request.method == "GET"
    query = request.environ.get("QUERY_STRING", "") if is_get else ""
    canonical = b"%s\n/\n%s\n%s\n%s\n%s" % (
        request.method.encode("ascii"),
        query.encode("latin-1"),
        b"".join(b"%s:%s\n" % header for header in headers),
        authorization.signed_headers.encode("ascii"),
        sha256(request.body).hexdigest().encode("ascii"),
    )
    to_sign = (
        f"{METHOD}\n{request.timestamp}\n"
        f"{authorization.date}/{authorization.service}/{_TERMINATOR}\n"
        f"{sha256(canonical).hexdigest()}"
    )
    expected = hmac.digest(key, to_sign.encode("ascii"), "sha256").hex()
    return hmac.compare_digest(expected, authorization.signature)
