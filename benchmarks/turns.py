"""Throughput against moto and the no-op, all of them up at once and asked in turns.

Machines get slower and faster within minutes: what is asked a moment apart had the same
one. A ratio is the median of those of all rounds.
"""

import os
from contextlib import ExitStack
from statistics import median

from benchmarks import load, servers
from benchmarks.actions import ACTIONS, moto_requests
from benchmarks.load import Measured, Prepared, Signer
from benchmarks.targets import Target, targets

SECONDS = int(os.environ.get("BENCH_SECONDS", "2"))
ROUNDS = int(os.environ.get("BENCH_TURNS", "6"))
WORKERS = 2
# More than are answered in a round, so that no signature comes twice.
_MOST_A_SECOND = 6_000
_OF_NOOP = 30_000


class _Turns:
    """The servers of one database, and how often any of them failed to answer."""

    def __init__(self, stack: ExitStack, target: Target) -> None:
        self.failures = 0
        self._key = target.access_key
        self._service = stack.enter_context(servers.service(target.env, WORKERS))
        self._noop = stack.enter_context(servers.noop(target.env, WORKERS))
        self._moto = stack.enter_context(servers.moto())
        self._signer = self._signer_of(self._service)
        self._key_id = servers.create_key(self._service, self._signer)
        self._of_moto = moto_requests(self._moto)
        self._of_noop = load.encrypt_requests(
            self._signer_of(self._noop), self._key_id, _OF_NOOP
        )

    def _signer_of(self, port: int) -> Signer:
        key = self._key
        return Signer(key["SecretId"], key["SecretKey"], f"127.0.0.1:{port}")

    def _ask(self, port: int, requests: list[Prepared], seconds: int) -> Measured:
        measured = load.run(f"http://127.0.0.1:{port}", requests, seconds)
        self.failures += measured.failures
        return measured

    def warm_up(self) -> None:
        """Let every worker answer somebody before it is measured."""
        asked = load.encrypt_requests(self._signer, self._key_id, 100)
        self._ask(self._service, asked, 2)
        self._ask(self._noop, self._of_noop, 2)

    def round(self, action: str) -> tuple[Measured, Measured, Measured]:
        """Measure an action at the service and at moto, and the no-op."""
        number = SECONDS * _MOST_A_SECOND
        asked = ACTIONS[action](self._service, self._signer, self._key_id, number)
        return (
            self._ask(self._service, asked, SECONDS),
            self._ask(self._moto, self._of_moto[action], SECONDS),
            self._ask(self._noop, self._of_noop, SECONDS),
        )


def measure(target: Target) -> int:
    """Print a database's lines; return how many requests failed."""
    with ExitStack() as stack:
        turns = _Turns(stack, target)
        turns.warm_up()
        rounds: dict[str, list[tuple[Measured, ...]]] = {name: [] for name in ACTIONS}
        for _ in range(ROUNDS):
            for action, known in rounds.items():
                known.append(turns.round(action))
        for action, known in rounds.items():
            _print(f"{action}, {target.name}", known)
        print(flush=True)
        return turns.failures


def _print(name: str, rounds: list[tuple[Measured, ...]]) -> None:
    to_moto = [service.per_second / moto.per_second for service, moto, _ in rounds]
    to_noop = [service.per_second / noop.per_second for service, _, noop in rounds]
    service, moto, noop = (
        median(each.per_second for each in kind) for kind in zip(*rounds, strict=True)
    )
    tail = median(each.p99_ms / each.p50_ms for each, _, _ in rounds)
    print(
        f"{name:36} {service:5.0f}/s  moto {moto:4.0f}/s  no-op {noop:6.0f}/s  ", end=""
    )
    print(
        f"{median(to_moto):5.2f} x moto ({min(to_moto):.1f} to {max(to_moto):.1f})  "
        f"{median(to_noop):.3f} of the no-op "
        f"({min(to_noop):.3f} to {max(to_noop):.3f})  p99 {tail:.1f} x p50",
        flush=True,
    )


def main() -> int:
    """Measure every database; exit code 1 if any request failed."""
    print(f"{WORKERS} workers, {load.CONNECTIONS} connections, {SECONDS} s each")
    print(f"Medians of {ROUNDS} rounds (least to most)\n", flush=True)
    with targets(careless=True) as found:
        failures = sum(measure(target) for target in found)
    return 1 if failures else 0
