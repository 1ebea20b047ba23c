"""`python -m tests.services`: the tests marked `services` on PostgreSQL and brokers.

Starts PostgreSQL with Redis and runs the tests, then PostgreSQL with RabbitMQ;
arguments reach pytest. `--only redis` and `--only rabbitmq` run one of the two,
`--missing` prints the packages that are needed and not here. Ends with 0 only where
every test passed.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from tests.services import given
from tests.services.backends import Backend, PostgreSQL, RabbitMQ, Redis
from tests.surroundings import ROOT, is_ambient

_BROKERS: dict[str, type[Backend]] = {"redis": Redis, "rabbitmq": RabbitMQ}
_MOST_SECONDS = 480
# One more than there are processors: much of it waits for the next minute.
_WORKERS = 3


def missing() -> list[str]:
    """Return Debian's packages that are needed and not here."""
    needed = (PostgreSQL, *_BROKERS.values())
    return [backend.package for backend in needed if not backend.installed()]


def run_on(broker: type[Backend], arguments: Sequence[str]) -> int:
    """Run the tests on PostgreSQL and this broker; returns pytest's exit code."""
    print(f"=== {PostgreSQL.name} and {broker.name}", flush=True)
    began = time.monotonic()
    with PostgreSQL.running() as database, broker.running() as messages:
        kept = {name: text for name, text in os.environ.items() if not is_ambient(name)}
        env = kept | {given.DATABASE: database.url, given.BROKER: messages.url}
        options = [*("-m", "services"), *("-n", str(_WORKERS), "--dist", "loadgroup")]
        # What waits for whole services first, so that the rest fills the time.
        options += ["--no-loadscope-reorder"]
        options += ["-p", "no:randomly", *arguments, "tests/services", "tests"]
        code = _run([sys.executable, "-m", "pytest", *options], env)
    took = time.monotonic() - began
    print(
        f"=== {PostgreSQL.name} and {broker.name}: exit code {code}, {took:.0f} s",
        flush=True,
    )
    return code


def _run(command: list[str], env: dict[str, str]) -> int:
    """Run to the end, or end it with everything it started."""
    with subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True) as run:
        try:
            return run.wait(_MOST_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"ended, as it took more than {_MOST_SECONDS} s", flush=True)
            return 1
        finally:
            for number in (signal.SIGINT, signal.SIGKILL):
                with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.killpg(run.pid, number)
                    run.wait(30)


def main(arguments: Sequence[str]) -> int:
    """Run on each broker that was asked for; 1 where packages are missing."""
    packages = missing()
    if list(arguments) == ["--missing"]:
        print(*packages)
        return 0
    if packages:
        names = " ".join(packages)
        print(f"Not here: {names}. sudo apt-get install {names}", file=sys.stderr)
        return 1
    chosen, rest = list(_BROKERS), list(arguments)
    if "--only" in rest:
        at = rest.index("--only")
        chosen = [rest[at + 1]]
        del rest[at : at + 2]
    # Asked to end, everything that was started is stopped as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    codes = [run_on(_BROKERS[name], rest) for name in chosen]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
