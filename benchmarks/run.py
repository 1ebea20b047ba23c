"""`make bench`: everything side by side in one run, as figures and ratios.

Instead measure `make bench ARGS=list` the list of keys, `ARGS=access` what permissions
cost, `ARGS=growth` whether much data slows requests down, `ARGS=memory` whether workers
grow, `ARGS=parts` where the processor time of a request goes and `ARGS=profile` where
its time goes under load, `ARGS=sweeps` what happens by itself. `ARGS=turns` has
the ratios of throughput alone, of servers that are asked in turns.

Machines differ and are noisy: ratios of one run are what to compare, not figures of
two runs. A refusal counts as a failure. Rate limits are off.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import (
    access,
    growth,
    load,
    memory,
    paced,
    parts,
    profile,
    servers,
    sweeps,
    turns,
)
from benchmarks import list as key_list
from benchmarks.actions import ACTIONS, moto_requests
from benchmarks.load import Measured, Signer
from benchmarks.targets import Target, targets

SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
SIGNATURES = 30_000
# Requests a second of the open loop.
RATE = 200
CROWDED = f"Encrypt, {load.MANY_CONNECTIONS} connections"


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


def over_the_wire(target: Target, workers: int) -> Iterator[tuple[str, Measured]]:
    """Measure each action closed-loop, and Encrypt at a fixed rate where all work."""
    with servers.service(target.env, workers) as port:
        key = target.access_key
        signer = Signer(key["SecretId"], key["SecretKey"], f"127.0.0.1:{port}")
        key_id = servers.create_key(port, signer)
        address = f"http://127.0.0.1:{port}"
        load.run(address, load.encrypt_requests(signer, key_id, 100), 2)
        for action, prepare in ACTIONS.items():
            requests = prepare(port, signer, key_id, SIGNATURES)
            yield action, load.run(address, requests, SECONDS)
        if workers > 1:
            requests = load.encrypt_requests(signer, key_id, SIGNATURES)
            yield CROWDED, load.run(address, requests, SECONDS, load.MANY_CONNECTIONS)
            number = RATE * SECONDS
            requests = load.encrypt_requests(signer, key_id, SIGNATURES + number)
            measured = paced.run(port, requests[SIGNATURES:], RATE, SECONDS)
            print(f"{f'Encrypt, {target.name}, open loop':44} {measured}", flush=True)
            if measured.failures:
                yield "Encrypt, open loop", Measured(RATE, 0, 0, measured.failures)


def noop_over_the_wire(
    env: dict[str, str], workers: int, connections: int = load.CONNECTIONS
) -> Measured:
    with servers.noop(env, workers) as port:
        signer = Signer("AKIDbench", "secret", f"127.0.0.1:{port}")
        requests = load.encrypt_requests(signer, "0" * 36, SIGNATURES)
        address = f"http://127.0.0.1:{port}"
        load.run(address, requests[:100], 2)
        return load.run(address, requests, SECONDS, connections)


def moto_over_the_wire() -> dict[str, Measured]:
    with servers.moto() as port:
        address, prepared = f"http://127.0.0.1:{port}", moto_requests(port)
        found = {
            action: load.run(address, requests, SECONDS)
            for action, requests in prepared.items()
        }
        found[CROWDED] = load.run(
            address, prepared["Encrypt"], SECONDS, load.MANY_CONNECTIONS
        )
        return found


def line(name: str, measured: Measured, moto: Measured, noop: Measured | None) -> None:
    ratio = f"{measured.per_second / moto.per_second:6.2f} x moto"
    if noop is not None:
        ratio += f"  {measured.per_second / noop.per_second:.3f} of the no-op"
    print(f"{name:44} {measured}  {ratio}", flush=True)


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


@dataclass(frozen=True)
class Yardsticks:
    """What a database's lines are held against, measured just before them.

    `noop` is by the number of workers, `crowded` the no-op with many connections.
    """

    moto: dict[str, Measured]
    noop: dict[int, Measured]
    crowded: Measured


def yardsticks(env: dict[str, str]) -> Yardsticks:
    """Measure and print them; machines get slower and faster within one run."""
    made = Yardsticks(
        moto_over_the_wire(),
        {workers: noop_over_the_wire(env, workers) for workers in (1, 2)},
        noop_over_the_wire(env, 2, load.MANY_CONNECTIONS),
    )
    for action, measured in made.moto.items():
        line(f"moto {action}", measured, measured, None)
    for workers, measured in made.noop.items():
        line(f"no-op, {workers} worker(s)", measured, made.moto["Encrypt"], None)
    name = f"no-op, 2 worker(s), {load.MANY_CONNECTIONS} connections"
    line(name, made.crowded, made.moto[CROWDED], None)
    return made


def wire(target: Target) -> int:
    """Print a database's lines; return how many requests failed."""
    held = yardsticks(target.env)
    measured_all = [*held.moto.values(), *held.noop.values(), held.crowded]
    failures = sum(measured.failures for measured in measured_all)
    rates: dict[int, float] = {}
    for workers, yardstick in held.noop.items():
        for action, measured in over_the_wire(target, workers):
            failures += measured.failures
            if action not in held.moto:
                continue
            name = f"{action}, {target.name}, {workers} worker(s)"
            same_load = held.crowded if action == CROWDED else yardstick
            line(name, measured, held.moto[action], same_load)
            if action == "Encrypt":
                rates[workers] = measured.per_second
    second = rates[2] / rates[1]
    gained = held.noop[2].per_second / held.noop[1].per_second
    print(
        f"second worker, {target.name}: x {second:.2f}, no-op x {gained:.2f}, "
        f"that is {second / gained:.2f} of it\n",
        flush=True,
    )
    return failures


def main() -> int:
    """Measure everything; exit code 1 if any request failed."""
    if not servers.MOTO.exists():
        print(f"{servers.MOTO} is missing: run 'make bench'")
        return 1
    print(f"{platform.python_implementation()} {platform.python_version()}, ", end="")
    print(f"{os.cpu_count()} cores, {SECONDS} s each, {load.CONNECTIONS} connections\n")
    with targets() as found:
        costs(found[0].env)
        failures = sum(wire(target) for target in found)
    return 1 if failures else 0


if __name__ == "__main__":
    mains = {
        "list": key_list.main,
        "access": access.main,
        "growth": growth.main,
        "memory": memory.main,
        "parts": parts.main,
        "profile": profile.main,
        "sweeps": sweeps.main,
        "turns": turns.main,
    }
    sys.exit(mains.get("".join(sys.argv[1:]), main)())
