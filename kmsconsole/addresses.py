"""Where a request came from, for API and console alike."""

import ipaddress
from collections.abc import Mapping
from typing import Any, TypeAlias

from django.conf import settings

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_MOST_HOPS = 32


def client_address(environ: Mapping[str, Any]) -> str:
    """Return the client's IP address in canonical form, "" where there is none.

    That is the socket's peer. Only a peer in `KMS_TRUSTED_PROXIES` is believed what it
    says about others: then it is the right-most entry of X-Forwarded-For which is not
    a trusted proxy itself. Entries to the left of that one are the client's own words.
    """
    peer: str = environ.get("REMOTE_ADDR", "")
    proxies = settings.KMS_TRUSTED_PROXIES
    if not proxies and ":" not in peer:
        return peer
    address = _parsed(peer)
    if address is None:
        return ""
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", _MOST_HOPS)
    while hops and any(address in network for network in proxies):
        farther = _parsed(hops.pop())
        if farther is None:
            break
        address = farther
    return str(address)


def _parsed(text: str) -> Address | None:
    """Read an address, with or without port, brackets and zone."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
