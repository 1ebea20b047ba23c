"""Whose address stands in the audit: the socket's, unless a trusted proxy speaks."""

import ipaddress

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from kmsconsole.addresses import client_address

PROXIES = tuple(
    ipaddress.ip_network(text) for text in ("127.0.0.1/32", "10.0.0.0/8", "fd00::/8")
)


def address(peer: str, forwarded: str | None = None) -> str:
    environ = {"REMOTE_ADDR": peer}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(environ)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::1", "::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("", ""),
        ("not:an:address", ""),
    ],
)
def test_without_proxies_it_is_the_peer(peer: str, expected: str) -> None:
    with override_settings(KMS_TRUSTED_PROXIES=()):
        assert address(peer) == expected
        assert address(peer, "198.51.100.1") == expected


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", " 198.51.100.1 ", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6,198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, fd00::7, 10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("127.0.0.1", "198.51.100.1, unknown", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, unknown, 10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "198.51.100.1,", "127.0.0.1"),
        ("127.0.0.1", "10.0.0.1," * 500 + "10.0.0.1", "10.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_a_trusted_proxy_is_believed_about_the_hop_before_it(
    peer: str, forwarded: str | None, expected: str
) -> None:
    with override_settings(KMS_TRUSTED_PROXIES=PROXIES):
        assert address(peer, forwarded) == expected


@given(st.text(), st.text())
def test_nothing_sent_breaks_it_or_becomes_long(peer: str, forwarded: str) -> None:
    with override_settings(KMS_TRUSTED_PROXIES=PROXIES):
        assert len(address("127.0.0.1", forwarded)) <= 45
    with override_settings(KMS_TRUSTED_PROXIES=(ipaddress.ip_network("::/0"),)):
        assert len(address(f"{peer}:", forwarded)) <= 45
