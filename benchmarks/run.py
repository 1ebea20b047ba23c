"""`make bench`: everything side by side in one run, as figures and ratios.

`make bench ARGS=list` measures the list of keys instead, `make bench ARGS=access` what
permissions cost.

Machines differ and are noisy: ratios of one run are what to compare, not figures of
two runs. A refusal counts as a failure. Rate limits are off.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import access, load, postgresql, servers
from benchmarks import list as key_list
from benchmarks.load import Measured, Signer

SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
SIGNATURES = 30_000


def inprocess(env: dict[str, str], what: str) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.inprocess", what],
        cwd=servers.ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1])["us"])


@dataclass(frozen=True)
class Target:
    """A data folder that is ready, with an access key, under one database."""

    name: str
    env: dict[str, str]
    access_key: dict[str, str]


def encrypt_over_the_wire(target: Target, workers: int) -> Measured:
    with servers.service(target.env, workers) as port:
        key = target.access_key
        signer = Signer(key["SecretId"], key["SecretKey"], f"127.0.0.1:{port}")
        key_id = servers.create_key(port, signer)
        address = f"http://127.0.0.1:{port}"
        load.run(address, load.encrypt_requests(signer, key_id, 100), 2)
        requests = load.encrypt_requests(signer, key_id, SIGNATURES)
        return load.run(address, requests, SECONDS)


def noop_over_the_wire(env: dict[str, str], workers: int) -> Measured:
    with servers.noop(env, workers) as port:
        signer = Signer("AKIDbench", "secret", f"127.0.0.1:{port}")
        requests = load.encrypt_requests(signer, "0" * 36, 1_000)
        return load.run(f"http://127.0.0.1:{port}", requests, SECONDS)


def moto_over_the_wire() -> Measured:
    with servers.moto() as port:
        requests = servers.moto_requests(port)
        return load.run(f"http://127.0.0.1:{port}", requests, SECONDS)


def sqlite(home: Path, synchronous: str) -> str:
    return (
        f"sqlite:///{home / 'kms.sqlite3'}?transaction_mode=IMMEDIATE&timeout=20"
        f"&init_command=PRAGMA journal_mode=WAL;PRAGMA synchronous={synchronous};"
        "PRAGMA wal_autocheckpoint=4000;"
    )


@contextmanager
def targets() -> Iterator[list[Target]]:
    """Yield SQLite with both levels of durability, and PostgreSQL if there is one."""
    with ExitStack() as stack:
        home = stack.enter_context(servers.prepared_home())
        made = servers.access_key(servers.environment(home))
        found = [
            Target(
                f"SQLite {level}",
                servers.environment(home, DATABASE_URL=sqlite(home, level)),
                made,
            )
            for level in ("FULL", "NORMAL")
        ]
        url = stack.enter_context(postgresql.cluster())
        if url is None:
            print(f"PostgreSQL left out: {postgresql.MISSING}")
        else:
            home = stack.enter_context(servers.prepared_home(DATABASE_URL=url))
            env = servers.environment(home, DATABASE_URL=url)
            found.append(Target("PostgreSQL", env, servers.access_key(env)))
        yield found


def line(name: str, measured: Measured, yardstick: Measured) -> None:
    ratio = measured.per_second / yardstick.per_second
    print(f"{name:34} {measured}   {ratio:5.2f} x moto", flush=True)


def costs(env: dict[str, str]) -> None:
    hsm, commit, operation = (
        inprocess(env, name) for name in ("hsm", "commit", "operation")
    )
    rows = (
        ("raw AES-256-GCM on the token", hsm),
        ("bare commit (SQLite FULL, 600 B)", commit),
        ("Encrypt operation in process", operation),
        ("  beyond HSM call and bare commit", operation - hsm - commit),
    )
    for name, microseconds in rows:
        print(f"{name:34} {microseconds:7.0f} us {1e6 / microseconds:9.0f}/s")
    print(flush=True)


def main() -> int:
    """Measure everything; exit code 1 if any request failed."""
    if not servers.MOTO.exists():
        print(f"{servers.MOTO} is missing: run 'make bench'")
        return 1
    print(f"{platform.python_implementation()} {platform.python_version()}, ", end="")
    print(f"{os.cpu_count()} cores, {SECONDS} s each, {load.CONNECTIONS} connections\n")
    with targets() as found:
        env = found[0].env
        costs(env)
        moto = moto_over_the_wire()
        line("moto Encrypt", moto, moto)
        failures = moto.failures
        for workers in (1, 2):
            measured = noop_over_the_wire(env, workers)
            line(f"no-op, {workers} worker(s)", measured, moto)
            failures += measured.failures
        for target in found:
            for workers in (1, 2):
                measured = encrypt_over_the_wire(target, workers)
                line(f"Encrypt, {target.name}, {workers} worker(s)", measured, moto)
                failures += measured.failures
    return 1 if failures else 0


if __name__ == "__main__":
    mains = {"list": key_list.main, "access": access.main}
    sys.exit(mains.get("".join(sys.argv[1:]), main)())
