"""Rights that come and go under load, in a running service's own data folder.

`python -m tests.accessctl.flips` in that service's environment gives a sub-account its
right and takes it away, again and again and in every way there is, while processes of
their own encrypt as that sub-account: each is a whole API with its own database
connection and HSM session. Prints what was seen as JSON.
"""

import json
import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django

from kmsconsole.supervision import die_with_parent

# ruff: noqa: PLC0415 - Django is set up first

PROCESSES = 8
# How often each way is given and taken: two flips each time.
WAYS = {
    "grant on the key": 80,
    "grant on the account": 40,
    "disabled person": 50,
    "disabled access key": 40,
    "grant to a group": 10,
    "group left": 15,
    "policy detached": 15,
}
# What is answered to whom may, who may not, and who is nobody.
EXPECTED = frozenset({"", "UnauthorizedOperation", "AuthFailure.SecretIdNotFound"})
PAUSE_SECONDS = 0.005
# A machine that is too busy leaves a flip without a whole request rather than hang.
LONGEST_WAIT_SECONDS = 0.3


class Counts:
    """How many requests each process has finished, for the one that flips."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), PROCESSES * 4)

    def read(self) -> list[int]:
        return list(memoryview(self._shared).cast("I"))

    def count(self, number: int) -> None:
        memoryview(self._shared).cast("I")[number] += 1

    def wait_for_a_whole_request(self) -> None:
        """Return when some process began and finished a request since the call."""
        before = self.read()
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while time.monotonic() < deadline:
            now = self.read()
            if any(late - early >= 2 for early, late in zip(before, now, strict=True)):
                return
            time.sleep(0.001)


def encrypt_until_told(job: dict[str, Any]) -> None:
    """Encrypt without pause until the file is there; print every answer's times."""
    from keys.api.front import ApiFront
    from tests.api.wire import Sender

    sender = Sender(ApiFront(lambda *_: []), job["SecretId"], job["SecretKey"])
    counts, end = Counts(Path(job["counts"])), Path(job["end"])
    answers = []
    while not end.exists():
        began = time.monotonic_ns()
        code = sender.ask("Encrypt", KeyId=job["key"], Plaintext="YQ==").code
        answers.append((began, time.monotonic_ns(), code))
        counts.count(job["number"])
    sys.stdout.write(json.dumps(answers))


class Stage:
    """The sub-account, its key and the ways to its right."""

    def __init__(self) -> None:
        from accessctl.credentials import operator, principal_of
        from accessctl.models import AccessKey, Policy, User
        from accessctl.operations import CreateAccessKey, GrantAccess, RevokeAccess
        from keys.operations import CreateKey
        from tests.accessctl.people import group

        self.root = User.objects.filter(is_root=True).earliest("id")
        number = 299_000_000_000 + User.objects.count()
        self.user = User(uin=number, account=self.root.account, name=f"flip-{number}")
        self.user.set_unusable_password()
        self.user.save(force_insert=True)
        self.principal = principal_of(self.root)
        self.secret = self.do(
            CreateAccessKey, operator(self.root.account_uin), UserName=self.user.name
        )
        self.access_key = AccessKey.objects.filter(user=self.user)
        self.key = self.do(CreateKey, Alias=f"flip-{number}")["KeyId"]
        self.team = group(f"flip-{number}", uin=self.root.account_uin)
        self.policy = Policy.objects.create(
            account=self.root.account,
            name=f"flip-{number}",
            document=json.dumps(
                {
                    "version": "2.0",
                    "statement": {
                        "effect": "allow",
                        "action": "name/kms:Encrypt",
                        "resource": "*",
                    },
                }
            ),
        )
        self.grant, self.revoke = GrantAccess, RevokeAccess

    def do(self, operation: Any, principal: Any = None, **data: Any) -> Any:
        from django.conf import settings

        from kmsconsole import randomness
        from kmsconsole.principals import Call

        call = Call(
            principal or self.principal,
            settings.KMS_REGIONS[0],
            str(randomness.uuid4()),
            "127.0.0.1",
        )
        return operation.execute(call, data).output

    def change(self, operation: Any, *, on_key: bool, team: bool = False) -> None:
        whose = {"Groups": [self.team.name]} if team else {"Users": [self.user.name]}
        where = {"KeyId": self.key} if on_key else {}
        changed = self.do(operation, **whose, **where, Rights=["role.encrypt-only"])
        assert changed["Changed"]

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Write when it is our turn, as operations do."""
        from django.db.transaction import atomic

        from kmsconsole.audit.turns import turn

        with turn(), atomic():
            yield

    def switch(self, rows: Any, **values: Any) -> None:
        with self.turn():
            assert rows.update(**values) == 1

    def join(self) -> None:
        with self.turn():
            self.team.members.add(self.user)

    def leave(self) -> None:
        with self.turn():
            self.team.members.remove(self.user)

    def attach(self) -> None:
        with self.turn():
            self.policy.attachments.create(
                user=self.user, attached_by_uin=self.root.uin, attached_by_name="admin"
            )

    def detach(self) -> None:
        with self.turn():
            self.policy.attachments.all().delete()

    @contextmanager
    def way(self, name: str) -> Iterator[tuple[Callable[[], Any], Callable[[], Any]]]:
        """Yield what gives the right and what takes it; nothing else gives it."""
        person = type(self.user).objects.filter(pk=self.user.pk)
        give, take = self.grant, self.revoke
        simple: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            "grant on the key": (
                lambda: self.change(give, on_key=True),
                lambda: self.change(take, on_key=True),
            ),
            "grant on the account": (
                lambda: self.change(give, on_key=False),
                lambda: self.change(take, on_key=False),
            ),
            "policy detached": (self.attach, self.detach),
        }
        if name in simple:
            yield simple[name]
            return
        team = name in ("grant to a group", "group left")
        if name == "grant to a group":
            self.join()
            yield (
                lambda: self.change(give, on_key=True, team=True),
                lambda: self.change(take, on_key=True, team=True),
            )
            self.leave()
            return
        rows, field = {
            "disabled person": (person, "is_active"),
            "disabled access key": (self.access_key, "is_enabled"),
        }.get(name, (person, ""))
        if field:
            self.switch(rows, **{field: False})
        self.change(give, on_key=True, team=team)
        if field:
            yield (
                lambda: self.switch(rows, **{field: True}),
                lambda: self.switch(rows, **{field: False}),
            )
        else:
            yield self.join, self.leave
        self.change(take, on_key=True, team=team)
        if field:
            self.switch(rows, **{field: True})


def started(job: dict[str, Any], counts: Counts) -> list[subprocess.Popen[str]]:
    """Start the processes and wait until each had its first answer."""
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.accessctl.flips"),
                json.dumps({**job, "number": number}),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    deadline = time.monotonic() + 90
    while not all(counts.read()):
        assert time.monotonic() < deadline, "the processes didn't begin"
        assert all(process.poll() is None for process in processes)
        time.sleep(0.05)
    return processes


def flip(stage: Stage, counts: Counts) -> list[tuple[str, int, int]]:
    """Give and take; return the way and, for each time, when nothing was allowed."""
    forbidden = []
    for name, times in WAYS.items():
        with stage.way(name) as (give, take):
            for _ in range(times):
                give()
                time.sleep(PAUSE_SECONDS)
                take()
                taken = time.monotonic_ns()
                counts.wait_for_a_whole_request()
                forbidden.append((name, taken, time.monotonic_ns()))
    return forbidden


def others(seen: list[list[tuple[int, int, str]]], since: float) -> list[str]:
    """Say what else was answered: by whom, at which of its requests, when."""
    return [
        f"process {number}, request {at} of {len(answers)}, "
        f"{ended / 1e9 - since:+.2f} s: {code}"
        for number, answers in enumerate(seen)
        for at, (_, ended, code) in enumerate(answers)
        if code not in EXPECTED
    ]


def main(folder: Path) -> dict[str, Any]:
    """Return how many succeeded, were refused, and began too late for that."""
    stage = Stage()
    job = {"key": stage.key, "end": str(folder / "end"), **stage.secret}
    job["counts"] = str(folder / "counts")
    (folder / "counts").write_bytes(bytes(PROCESSES * 4))
    counts = Counts(folder / "counts")
    processes = started(job, counts)
    started_at = time.monotonic()
    forbidden = flip(stage, counts)
    (folder / "end").touch()
    seen = [json.loads(process.communicate(timeout=30)[0]) for process in processes]
    answers = [answer for each in seen for answer in each]
    # One that was still going on when the right came back may have seen it.
    inside = [
        (name, code)
        for name, begin, end in forbidden
        for began, ended, code in answers
        if begin < began and ended < end
    ]
    return {
        "flips": 2 * sum(WAYS.values()),
        "late": [name for name, code in inside if not code],
        "judged": {name: sum(way == name for way, _ in inside) for name in WAYS},
        "successes": [sum(not code for *_, code in each) for each in seen],
        "codes": sorted({code for *_, code in answers}),
        "others": others(seen, started_at),
        "seconds": round(time.monotonic() - started_at, 1),
        "ended": [process.returncode for process in processes],
    }


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")
    django.setup()
    if len(sys.argv) > 1 and sys.argv[1].startswith("{"):
        # Nothing else would end it where the one that flips was killed.
        die_with_parent(os.getppid())
        encrypt_until_told(json.loads(sys.argv[1]))
    else:
        sys.stdout.write(json.dumps(main(Path(sys.argv[1]))) + "\n")
