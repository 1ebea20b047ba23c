"""`make bench ARGS=list`: what the list of keys costs, with few keys and with many.

Rows are put into scratch SQLite databases in bulk, so no HSM is worked. Everything is
measured in one run, in turns, on whole requests through every layer but the socket.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks import servers

# ruff: noqa: PLC0415 - Django is set up first

FEW, MANY = 200, 200_000
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "60"))
ACCOUNT = 100_000_000_001
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_WORDS = ("orders", "payroll", "billing", "cards", "shop")
PAGES = {
    "first page": "/keys/?size=50",
    "by name": "/keys/?size=50&sort=name",
    "cloud tab": "/keys/cloud/?size=50",
    "search, no match": "/keys/?q=nothing-like-it",
    "search, rare match": "/keys/?q=-1999",
    "search, 1,111 together": "/keys/?q=-199",
    "search, common match": "/keys/?q=orders",
    "search, part of an ID": "/keys/?q=deadbee",
    "search, two letters": "/keys/?q=zz",
    "search, one letter": "/keys/?q=z",
    "search, frequent letter": "/keys/?q=o",
    "search, 10,000 halfway": "/keys/?q=-10",
    "search, last by name": "/keys/?q=shop-shop&sort=name",
    "search and filter": "/keys/?q=orders&state=Disabled",
    "search and filter, none": "/keys/?q=orders&state=Archived",
    "state, a ninth": "/keys/?state=Disabled",
    "state, few": "/keys/?state=PendingImport",
    "state, none": "/keys/?state=Archived",
    "rotation, a third": "/keys/?rotation=on",
    "rotation, most": "/keys/?rotation=off",
    "usage, few": "/keys/?usage=ASYMMETRIC_SIGN_VERIFY_ECC",
    "usage, none": "/keys/?usage=ASYMMETRIC_SIGN_VERIFY_RSA_3072",
    "usage, most": "/keys/?usage=ENCRYPT_DECRYPT",
    "source, few": "/keys/?source=EXTERNAL",
    "source, few, no rotation": "/keys/?source=EXTERNAL&rotation=off&sort=name",
    "source, most": "/keys/?source=TENCENT_KMS",
    "tag, few": "/keys/?tag=pilot",
    "tag, none": "/keys/?tag=nothing-like-it",
    "tag, most": "/keys/?tag=team",
    "tag and value, a fifth": "/keys/?tag=team%3Dshop",
}
# One in so many is of another usage, another source, another state; or has a tag.
_RARE = 20_000


def fill(number: int) -> None:
    """Put so many keys of people and three of products there, oldest first.

    Four of five have a tag.
    """
    from keys.models import CustomerMasterKey, KeyTag

    states = {10: "PendingImport"}

    def key(n: int, alias: str, owner: str = "user") -> CustomerMasterKey:
        rare = n % _RARE
        return CustomerMasterKey(
            account_uin=ACCOUNT,
            region="ap-guangzhou",
            alias=alias,
            usage="ASYMMETRIC_SIGN_VERIFY_ECC" if rare == 7 else "ENCRYPT_DECRYPT",
            origin="EXTERNAL" if rare == 8 else "TENCENT_KMS",
            owner=owner,
            creator_uin=ACCOUNT,
            state=states.get(rare, "Disabled" if n % 9 == 0 else "Enabled"),
            rotation_enabled=n % 3 == 0,
            next_rotation_at=_BEGIN + timedelta(days=n),
            created_at=_BEGIN + timedelta(seconds=n),
        )

    def alias(n: int) -> str:
        return f"{_WORDS[n % 5]}-{_WORDS[n // 5 % 5]}-{n}"

    rows = [key(0, f"kms-{product}", product) for product in ("cos", "cbs", "cdb")]
    rows += [key(n, alias(n)) for n in range(number)]
    CustomerMasterKey.objects.bulk_create(rows, batch_size=5_000)
    tags = [
        KeyTag(key=row, name="team", value=_WORDS[n % 5])
        for n, row in enumerate(rows)
        if n % 5
    ]
    tags += [KeyTag(key=row, name="pilot") for row in rows[11::_RARE]]
    KeyTag.objects.bulk_create(tags, batch_size=20_000)


def signed_in() -> Any:
    from django.conf import settings
    from django.test import Client

    from accessctl.models import User

    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(
        User.objects.get(name="admin"),
        backend=settings.AUTHENTICATION_BACKENDS[0],
    )
    return client


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


def figures(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples)
    return {
        "p50": statistics.median(ordered),
        "p95": ordered[int(len(ordered) * 0.95)],
    }


def pages(client: Any) -> dict[str, Callable[[], object]]:
    """Return each page as a request, and the first of them with its rows at hand."""
    from keys.operations import BrowseKeys

    def get(path: str) -> Callable[[], object]:
        def ask() -> None:
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.status_code)

        return ask

    requests = {name: get(path) for name, path in PAGES.items()}
    kept: list[Any] = []
    perform = BrowseKeys.execute.__func__  # type: ignore[attr-defined]

    def keep(call: Any, data: Any) -> Any:
        kept.append(perform(BrowseKeys, call, data))
        return kept[-1]

    with patch.object(BrowseKeys, "execute", keep):
        requests["first page"]()

    def static() -> None:
        with patch.object(BrowseKeys, "execute", lambda *_: kept[-1]):
            requests["first page"]()

    return {"static, the same rows": static, **requests}


def measure(number: int) -> None:
    """Fill this process's database and print its figures as one line of JSON."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "kmsconsole.settings"
    django.setup()
    fill(number)
    work = pages(signed_in())
    samples: dict[str, list[float]] = {name: [] for name in work}
    for name in work:
        work[name]()
    for _ in range(ROUNDS):
        for name, ask in work.items():
            samples[name].append(timed(ask))
    sys.stdout.write(json.dumps({n: figures(s) for n, s in samples.items()}) + "\n")


def measured(number: int) -> dict[str, dict[str, float]]:
    with servers.prepared_home() as home:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.list", str(number)],
            cwd=Path(servers.ROOT),
            env=servers.environment(home),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Print what each page costs, and by how much many keys cost more than few."""
    few, many = measured(FEW), measured(MANY)
    print(f"{'ms, p50 / p95':26}{FEW:>16,}{MANY:>18,}     p50 ratio")
    for name, of_many in many.items():
        of_few = few[name]
        print(
            f"{name:26}{of_few['p50']:8.1f} /{of_few['p95']:6.1f}"
            f"{of_many['p50']:10.1f} /{of_many['p95']:6.1f}"
            f"{of_many['p50'] / of_few['p50']:12.2f}"
        )
    page, static = many["first page"], many["static, the same rows"]
    for level in ("p50", "p95"):
        ratio = page[level] / static[level]
        print(
            f"first page, {level}: {ratio:.2f} x the same rows without looking them up"
        )
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]))
    else:
        sys.exit(main())
