"""One rate for all processes: exactly so many answers in a second, whoever works."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path

import pytest

from tests.api.wire import Message, Reply
from tests.processes import leader_of, workers_of
from tests.server import RunningServer
from tests.services import given

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("shared-rates")]

LIMIT, BURST, WORKERS = 4, 9, 3
# What everybody may ask for.
ACTIONS = ("ListKeys", "ListDataKeys")
EXCEEDED = "RequestLimitExceeded"
_numbers = count()


@dataclass(frozen=True)
class Credential:
    """An access key and whose it is."""

    whose: str
    secret_id: str
    secret_key: str


@pytest.fixture(scope="module")
def limited() -> Iterator[RunningServer]:
    """A service of several processes that takes few requests a second."""
    more = {"KMS_RATE_LIMITS": str(LIMIT), "KMS_WORKERS": str(WORKERS)}
    with RunningServer.started(**more) as running:
        yield running


@pytest.fixture(scope="module")
def credentials(limited: RunningServer) -> list[Credential]:
    """Two access keys of one person, and one of another."""
    made = limited.manage("create_sub_account", "ann", "--json")
    assert made.returncode == 0, made.stderr
    found = []
    for whose in ("admin", "admin", "ann"):
        done = limited.manage("create_access_key", "--user", whose, "--json")
        assert done.returncode == 0, done.stderr
        key = json.loads(done.stdout)
        found.append(Credential(whose, key["SecretId"], key["SecretKey"]))
    return found


def signed(port: int, key: Credential, action: str) -> tuple[bytes, dict[str, str]]:
    """Prepare a request with a signature of its own."""
    message = Message(
        action,
        host=f"127.0.0.1:{port}",
        headers={**Message().headers, "X-Call-Number": str(next(_numbers))},
        signed=("content-type", "host", "x-call-number"),
    )
    headers = message.sent_headers()
    headers["authorization"] = message.authorization(
        key.secret_id, message.signature(key.secret_key)
    )
    return message.body, headers


def send(port: int, gate: threading.Barrier, key: Credential, action: str) -> str:
    """Send one request when all others do; returns its code."""
    body, headers = signed(port, key, action)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.connect()
        gate.wait(30)
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        said = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(f"{answer.status} {answer.reason}", said, answer.read()).code
    finally:
        connection.close()


def burst(
    port: int, credentials: list[Credential]
) -> tuple[Counter[tuple[str, str, str]], bool]:
    """Send many at the start of a second; returns who got what, and if it was one."""
    calls = list(product(credentials, ACTIONS)) * BURST
    gate = threading.Barrier(len(calls) + 1)

    def one(call: tuple[Credential, str]) -> tuple[str, str, str]:
        key, action = call
        return key.whose, action, send(port, gate, key, action)

    with ThreadPoolExecutor(len(calls)) as pool:
        waiting = [pool.submit(one, call) for call in calls]
        time.sleep(1.02 - time.time() % 1)
        gate.wait(30)
        began = int(time.time())
        told = Counter(each.result() for each in waiting)
    return told, int(time.time()) == began


def written(server: RunningServer) -> dict[int, int]:
    """Return how often each web worker wrote to a file."""
    found = {}
    for pid in workers_of(leader_of(server.home, "kmsconsole.web")):
        told = dict(
            line.split(": ")
            for line in Path(f"/proc/{pid}/io").read_text().splitlines()
        )
        found[pid] = int(told["syscw"])
    return found


def test_exactly_so_many_pass_in_a_second(
    limited: RunningServer, credentials: list[Credential]
) -> None:
    before = written(limited)
    for _ in range(20):
        told, is_one_second = burst(limited.port, credentials)
        if is_one_second:
            break
    else:
        pytest.fail("this machine is too slow for a burst in a second")
    sent = {"admin": 2 * BURST, "ann": BURST}
    wanted = Counter[tuple[str, str, str]]()
    for (whose, number), action in product(sent.items(), ACTIONS):
        wanted[whose, action, ""] = LIMIT
        wanted[whose, action, EXCEEDED] = number - LIMIT
    assert told == wanted
    if given.database() is None:
        after = written(limited)
        busy = [pid for pid, number in after.items() if number > before.get(pid, 0) + 9]
        assert len(busy) >= 2, (before, after)


def test_the_next_second_is_a_new_one(
    limited: RunningServer, credentials: list[Credential]
) -> None:
    passed = 0
    for _ in range(3):
        told, _ = burst(limited.port, credentials[2:])
        assert {code for _, _, code in told} <= {"", EXCEEDED}
        passed += told["ann", ACTIONS[0], ""]
    assert passed >= 3 * LIMIT
