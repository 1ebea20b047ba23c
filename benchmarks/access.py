"""`make bench ARGS=access`: what permissions cost, with few keys and rights and many.

Rows are put into scratch SQLite databases in bulk, so no HSM is worked. Everything is
measured in one run, in turns: compare the columns, not figures of two runs.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks import servers
from benchmarks.list import ACCOUNT, figures, fill, timed

# ruff: noqa: PLC0415 - Django is set up first

# Keys, and sub-accounts with three grants each beside those that are measured.
FEW, MANY = (200, 5), (100_000, 1_000)
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "60"))
REGION = "ap-guangzhou"
# How many keys each measured sub-account has a grant on.
GRANTS = {"3 grants": 3, "10,000 grants": 10_000, "account-wide, deny": 0}


def people(number: int) -> dict[str, Any]:
    """Put sub-accounts with rights there; return the measured ones, and root."""
    from accessctl.models import Account, User

    account = Account.objects.get(uin=ACCOUNT)
    rows = [
        User(uin=300_000_000_000 + n, account=account, name=f"sub-{n}")
        for n in range(number + len(GRANTS))
    ]
    User.objects.bulk_create(rows, batch_size=500)
    made = list(User.objects.filter(uin__gte=300_000_000_000).order_by("uin"))
    measured = dict(zip(GRANTS, made, strict=False))
    give(measured, made[len(GRANTS) :])
    return {"root": User.objects.get(uin=ACCOUNT), **measured}


def give(measured: dict[str, Any], others: list[Any]) -> None:
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType

    from accessctl.models import (
        Policy,
        PolicyAttachment,
        UserAccountGrant,
        UserKeyGrant,
    )
    from keys.models import CustomerMasterKey

    ids = list(CustomerMasterKey.objects.order_by("created_at").values_list("pk"))
    by = {"granted_by_uin": ACCOUNT, "granted_by_name": "admin"}
    role = Permission.objects.get(
        codename="role.key-user",
        content_type=ContentType.objects.get_for_model(CustomerMasterKey),
    )

    def grants(user: Any, number: int, first: int = 0) -> list[UserKeyGrant]:
        step = max(1, len(ids) // (number or 1))
        chosen = {ids[(first + at * step) % len(ids)][0] for at in range(number)}
        return [
            UserKeyGrant(user=user, permission=role, content_object_id=key, **by)
            for key in chosen
        ]

    rows = [
        row for name, user in measured.items() for row in grants(user, GRANTS[name])
    ]
    rows += [row for n, user in enumerate(others) for row in grants(user, 3, n)]
    UserKeyGrant.objects.bulk_create(rows, batch_size=5_000)
    wide = measured["account-wide, deny"]
    everything = Permission.objects.get(
        codename="role.key-user",
        content_type=ContentType.objects.get_for_model(type(wide.account)),
    )
    UserAccountGrant.objects.create(
        user=wide, permission=everything, content_object=wide.account, **by
    )
    deny = {
        "effect": "deny",
        "action": "name/kms:*",
        "resource": [
            f"qcs::kms::uin/{ACCOUNT}:key/creatorUin/{ACCOUNT}/{key[0]}"
            for key in ids[:20]
        ],
    }
    policy = Policy.objects.create(
        account=wide.account,
        name="not these",
        document=json.dumps({"version": "2.0", "statement": deny}),
    )
    PolicyAttachment.objects.create(
        policy=policy, user=wide, attached_by_uin=ACCOUNT, attached_by_name="admin"
    )


def work(users: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """Return what is measured: each question of each person."""
    from accessctl.credentials import principal_of
    from keys.models import CustomerMasterKey
    from keys.operations import BrowseKeys, Encrypt, ListKeys
    from kmsconsole.principals import Call

    newest = CustomerMasterKey.objects.order_by("-created_at")[0]

    def asked(user: Any) -> dict[str, Callable[[], object]]:
        call = Call(principal_of(user), REGION, "", "127.0.0.1")
        return {
            "may encrypt": lambda: call.decide(Encrypt, newest),
            "ListKeys, page and count": lambda: ListKeys.execute(call, {"Limit": 50}),
            "page of the console": lambda: BrowseKeys.execute(call, {"Limit": 50}),
        }

    questions = {name: asked(user) for name, user in users.items()}
    return {
        f"{question} · {name}": questions[name][question]
        for question, name in product(questions["root"], users)
    }


def measure(keys: int, subs: int) -> None:
    """Fill this process's database and print its figures as one line of JSON."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "kmsconsole.settings"
    django.setup()
    fill(keys)
    tasks = work(people(subs))
    samples: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            samples[name].append(timed(task))
    sys.stdout.write(json.dumps({n: figures(s) for n, s in samples.items()}) + "\n")


def measured(keys: int, subs: int) -> dict[str, dict[str, float]]:
    with servers.prepared_home() as home:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.access", str(keys), str(subs)],
            cwd=Path(servers.ROOT),
            env=servers.environment(home),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Print what each question costs, and by how much many cost more than few."""
    few, many = measured(*FEW), measured(*MANY)
    print(f"{'ms, p50 / p95':46}{FEW[0]:>16,}{MANY[0]:>18,}     p50 ratio")
    for name, of_many in many.items():
        of_few = few[name]
        print(
            f"{name:46}{of_few['p50']:8.2f} /{of_few['p95']:6.2f}"
            f"{of_many['p50']:10.2f} /{of_many['p95']:6.2f}"
            f"{of_many['p50'] / of_few['p50']:12.2f}"
        )
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure(int(sys.argv[1]), int(sys.argv[2]))
    else:
        sys.exit(main())
