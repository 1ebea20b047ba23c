"""Posts one signed message to an https address of somebody's.

Nothing is posted into the network the service stands in: every address that the name
has must be a public one, and the connection goes to just the address that was looked
at, while the certificate is checked for the name. No redirect is followed.
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from kmsconsole.alarms.failure import Failure

SECONDS: Final = 8.0
LONGEST_URL: Final = 1024
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
_SUCCESS = range(200, 300)
# The rest of IPv6 is local, carries IPv4 inside of it, or is given to nobody.
_UNICAST = ipaddress.ip_network("2000::/3")
# Of special use, whatever the library's version says: relays, tunnels, examples.
_SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webhook goes, taken apart."""

    host: str
    port: int
    path: str


def place_of(url: str) -> Place | None:
    """Return the parts of an address that may be posted to, None for any other."""
    plain = url.isascii() and url.isprintable() and " " not in url
    if not plain or len(url) > LONGEST_URL:
        return None
    try:
        parts = urlsplit(url)
        port = 443 if parts.port is None else parts.port
    except ValueError:
        return None
    named = parts.hostname and not parts.username and not parts.password
    if parts.scheme != "https" or not named or parts.fragment or "@" in parts.netloc:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.hostname or "", port, path)


def allowed(text: str) -> bool:
    """Say whether anything may be posted to an IP address.

    That is a public one, or one in a network that the operator lists. IPv4 inside of
    IPv6 is looked at as what it is.
    """
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if any(address in network for network in settings.KMS_WEBHOOK_NETWORKS):
        return True
    if address.version == _UNICAST.version and address not in _UNICAST:
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast


def resolve(place: Place) -> list[str]:
    """Return the addresses of a name; raises Failure where one is not allowed."""
    try:
        kind = socket.SOCK_STREAM
        found = socket.getaddrinfo(place.host, place.port, type=kind)
    except (OSError, UnicodeError):
        raise Failure("unresolved") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(allowed(address) for address in addresses):
        raise Failure("address")
    return addresses


def signature(secret: str, number: str, moment: datetime, body: bytes) -> str:
    """Sign a message as the Standard Webhooks have it: id, time and body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{number}.{int(moment.timestamp())}.".encode("ascii") + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode("ascii")


def headers(secret: str, number: str, moment: datetime, body: bytes) -> dict[str, str]:
    """Return what goes along with a body."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "kmsconsole",
        "webhook-id": number,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature(secret, number, moment, body),
    }


class _Pinned(http.client.HTTPSConnection):
    """Connects to one address, and asks there for the name."""

    def __init__(self, place: Place, address: str, context: ssl.SSLContext) -> None:
        super().__init__(place.host, place.port, timeout=SECONDS, context=context)
        self._address = address
        self._tls = context
        self.is_cut = False

    def connect(self) -> None:
        """Connect, and check the certificate for the name."""
        plain = socket.create_connection((self._address, self.port), SECONDS)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def post(place: Place, body: bytes, sent: dict[str, str]) -> None:
    """Post once; raises Failure unless the answer is a 2xx within the time."""
    address = resolve(place)[0]
    context = ssl.create_default_context(cafile=settings.KMS_WEBHOOK_CA)
    connection = _Pinned(place, address, context)
    # A timeout is for a single read: one that trickles in would never end.
    end = threading.Timer(SECONDS, _cut, [connection])
    end.daemon = True
    end.start()
    try:
        connection.request("POST", place.path, body, sent)
        status = connection.getresponse().status
    except ssl.SSLCertVerificationError:
        raise Failure("certificate") from None
    except TimeoutError:
        raise Failure("timeout") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise Failure("connection") from None
    finally:
        end.cancel()
        connection.close()
    # Cut in the middle of its headers, an answer passes for a whole one.
    if connection.is_cut:
        raise Failure("timeout")
    if status not in _SUCCESS:
        raise Failure("status", status)


def _cut(connection: _Pinned) -> None:
    connection.is_cut = True
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
