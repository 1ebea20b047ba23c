"""Costs inside one process: the raw HSM call, the bare commit, the Encrypt operation.

Prints one line of JSON. Runs on the data folder that KMS_HOME names.
"""

import base64
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable

import django

# ruff: noqa: PLC0415, TID251 - Django is set up first, and the raw call is measured

ROUNDS = 2_000


def timed(work: Callable[[], object]) -> float:
    """Return microseconds a call, after a warm-up."""
    for _ in range(100):
        work()
    begun = time.perf_counter()
    for _ in range(ROUNDS):
        work()
    return (time.perf_counter() - begun) / ROUNDS * 1e6


def raw_hsm() -> float:
    """AES-256-GCM of 32 bytes straight on the token, in a session of its own."""
    import pkcs11
    from pkcs11 import Attribute, GCMParams, KeyType, Mechanism

    from keys import custody

    settings = custody.token_settings()
    token = pkcs11.lib(settings.module).get_token(token_label=settings.label)
    with token.open(user_pin=settings.pin()) as session:
        key = session.generate_key(KeyType.AES, 256, template={Attribute.TOKEN: False})
        return timed(
            lambda: key.encrypt(
                b"x" * 32,
                mechanism=Mechanism.AES_GCM,
                mechanism_param=GCMParams(os.urandom(12), b"aad", 128),
            )
        )


def bare_commit() -> float:
    """One row of an event's size in a table of its own, committed each time."""
    from django.conf import settings

    file = settings.KMS_HOME / "bench.sqlite3"
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS t (x TEXT)")
    row = ("x" * 600,)
    return timed(lambda: database.execute("INSERT INTO t VALUES (?)", row))


def encrypt_operation() -> float:
    """The whole operation: permission, state, HSM, committed event."""
    from django.conf import settings

    from keys.operations import CreateKey, Encrypt
    from kmsconsole import randomness
    from kmsconsole.principals import Call, Kind, Principal

    uin = 100_000_000_001
    root = Principal(Kind.ROOT, uin, uin, "admin", "session")
    call = Call(root, settings.KMS_REGIONS[0], str(randomness.uuid4()), "127.0.0.1")
    alias = f"bench-{randomness.uuid4().hex[:8]}"
    key_id = CreateKey.execute(call, {"Alias": alias}).output["KeyId"]
    data = {"KeyId": key_id, "Plaintext": base64.b64encode(b"x" * 32).decode()}
    return timed(lambda: Encrypt.execute(call, data))


def main() -> None:
    """Measure the one the command line names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")
    django.setup()
    measures = {"hsm": raw_hsm, "commit": bare_commit, "operation": encrypt_operation}
    sys.stdout.write(json.dumps({"us": measures[sys.argv[1]]()}) + "\n")


if __name__ == "__main__":
    main()
