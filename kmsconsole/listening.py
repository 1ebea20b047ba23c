"""Where the service listens, and when it refuses to."""

import errno
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from kmsconsole.env import Network


class Refused(Exception):
    """The service doesn't listen like that; the text says why and what to set."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Address, port and TLS files of the web server."""

    address: str
    port: int
    certificate: Path | None
    key: Path | None

    @property
    def own_address(self) -> str:
        """The address under which this machine itself reaches the server."""
        if not ipaddress.ip_address(self.address).is_unspecified:
            return self.address
        return "::1" if ":" in self.address else "127.0.0.1"


def listener(
    host: str,
    port: int,
    tls: tuple[Path | None, Path | None],
    trusted_proxies: tuple[Network, ...],
) -> Listener:
    """Return a checked listener; `tls` is (certificate, key). Raises Refused.

    Signatures and sessions can be replayed by whoever reads them, so that beyond this
    machine they only go encrypted, or to a proxy that was named.
    """
    certificate, key = tls
    if (certificate is None) != (key is None):
        message = "KMS_TLS_CERT and KMS_TLS_KEY belong together: set both or none."
        raise Refused(message)
    if certificate is not None and key is not None:
        _check_tls(certificate, key)
    address = _address(host)
    loopback = ipaddress.ip_address(address).is_loopback
    if not (loopback or certificate or trusted_proxies):
        message = (
            f"Refusing to listen on {host} in clear text: set KMS_TLS_CERT and"
            " KMS_TLS_KEY, or KMS_TRUSTED_PROXIES to the proxy that ends TLS,"
            " or leave KMS_HOST at 127.0.0.1."
        )
        raise Refused(message)
    _check_free(address, port)
    return Listener(address, port, certificate, key)


def _address(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        message = f"KMS_HOST {host} is no address of this machine."
        raise Refused(message) from None
    # A name with several addresses: IPv4 first, as everybody can reach it.
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return str(found[0][4][0])


def _check_tls(certificate: Path, key: Path) -> None:
    for name, path in (("KMS_TLS_CERT", certificate), ("KMS_TLS_KEY", key)):
        try:
            path.read_bytes()
        except OSError as error:
            message = f"{name} can't be read: {path}: {error.strerror}."
            raise Refused(message) from None
    try:
        # A key with a passphrase must not have the server ask for it.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", None) or "no PEM"
        message = (
            f"TLS can't be served with {certificate} and {key} ({why}): KMS_TLS_KEY"
            " must be the key of KMS_TLS_CERT without a passphrase, which this takes"
            f" off: openssl pkcs8 -topk8 -nocrypt -in {key} -out {key}.open"
        )
        raise Refused(message) from None


def _check_free(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            why = (
                f"port {port} is taken: stop what listens there or set KMS_PORT"
                if error.errno == errno.EADDRINUSE
                else f"{address} port {port} can't be used ({error.strerror})"
            )
            message = f"Can't listen: {why}."
            raise Refused(message) from None
