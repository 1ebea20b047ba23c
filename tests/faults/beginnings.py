"""What random lives begin with: a clock, accounts with two keys, RSA pairs to lend.

Making keys costs more than using them, so what each life would begin with is made once
for many of them. Each life has the account of its two kinds to itself, as what another
one did there was taken back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any
from unittest import mock

from django.db import transaction

from keys.hsm.token import Token
from keys.operations import SYSTEM_OPERATIONS
from kmsconsole import clock
from kmsconsole.operations import registry
from kmsconsole.principals import Kind, Principal
from kmsconsole.schedule import database_time
from tests.faults import oracle
from tests.faults.oracle import KINDS
from tests.personas import execute

START = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
PRODUCTS = ("cos", "cbs")
SYSTEMS = {operation.__name__: operation for operation in SYSTEM_OPERATIONS}
_USAGES = {
    oracle.SIGNING: "ASYMMETRIC_SIGN_VERIFY_ECC",
    oracle.DECRYPTING: "ASYMMETRIC_DECRYPT_RSA_2048",
}
_FIRST_ACCOUNT, _FOREIGN = 200_000_000_001, 300_000_000_001
FOREIGN_ROOT = Principal(Kind.ROOT, _FOREIGN, _FOREIGN, "admin", "session")
_generate_apart = Token.generate_apart
_pairs: dict[str, tuple[bytes, bytes]] = {}


def _lend_pair(token: Token, root_id: bytes, spec: Any) -> tuple[bytes, bytes]:
    """Lend an RSA pair that the HSM made once, as each takes it seconds."""
    if spec.name not in _pairs:
        _pairs[spec.name] = _generate_apart(token, root_id, spec)
    return _pairs[spec.name]


@contextmanager
def undone() -> Iterator[None]:
    """Take back what happens in the database meanwhile."""
    block = transaction.atomic()
    # An operation demands to be the outermost transaction, except in a test.
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


@contextmanager
def time_is(read: Callable[[], datetime]) -> Iterator[None]:
    """Let the process and its database believe this clock; pairs are lent."""
    with (
        mock.patch.object(clock, "now", read),
        mock.patch.object(database_time, "now", read),
        mock.patch.object(Token, "generate_apart", _lend_pair),
    ):
        yield


@dataclass(frozen=True)
class Beginning:
    """An account with two keys that were just made, and who acts in it."""

    account: int
    keys: tuple[tuple[str, str, str], ...]
    root: Principal
    sub: Principal
    service: Principal


BEGINNINGS: dict[tuple[str, str], Beginning] = {}


def found(account: int, kinds: tuple[str, str]) -> Beginning:
    """Make the first two keys of an account."""
    root = Principal(Kind.ROOT, account, account, "admin", "session")
    service = Principal(Kind.SYSTEM, account, 0, "service", "task")
    keys = []
    for number, kind in enumerate(kinds):
        if kind == oracle.CLOUD:
            code = PRODUCTS[number]
            made = execute(SYSTEMS["CreateCloudKey"], service, Product=code)
            name = f"kms-{code}"
        else:
            name = f"key-{number}"
            made = execute(registry()["CreateKey"], root, **wish(kind, name))
        keys.append((made.output["KeyId"], kind, name))
    sub = Principal(Kind.SUB, account, account + 100_000, "ann", "session")
    return Beginning(account, tuple(keys), root, sub, service)


def wish(kind: str, alias: str) -> dict[str, Any]:
    """Return what CreateKey is asked for."""
    data: dict[str, Any] = {"Alias": alias}
    if kind in _USAGES:
        data["KeyUsage"] = _USAGES[kind]
    if kind == oracle.IMPORTED:
        data["Type"] = 2
    return data


@contextmanager
def lives() -> Iterator[None]:
    """Make what lives begin with, once for all of them: two keys of each two kinds."""
    with undone(), time_is(lambda: START):
        pairs = enumerate(product(KINDS, repeat=2))
        BEGINNINGS.update(
            (kinds, found(_FIRST_ACCOUNT + number, kinds)) for number, kinds in pairs
        )
        yield
