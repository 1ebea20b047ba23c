"""What permissions cost: the same number of statements, whatever there is of rights."""

import json
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accessctl import rulebook
from accessctl.models import (
    GroupKeyGrant,
    Membership,
    Policy,
    PolicyAttachment,
    User,
    UserKeyGrant,
)
from accessctl.operations import DisableSubAccount
from keys.operations import (
    BrowseKeys,
    DescribeKey,
    DisableKeys,
    EnableKeys,
    Encrypt,
    GenerateRandom,
    ListKeyDetail,
    ListKeys,
)
from kmsconsole import randomness
from kmsconsole.operations import Operation
from tests.accessctl.people import acting, grant, group, sub_account
from tests.accessctl.test_matrix import row_of_key, spread
from tests.console import enter, signed_in
from tests.personas import ACCOUNT, ROOT, call, create_key

pytestmark = pytest.mark.django_db

# As tests/keys/test_query_counts.py counts for root, and two more for each decision:
# the policies, and the grants. Lists of somebody who doesn't see all need one more, for
# the keys that they were granted one by one.
PINNED: dict[type[Operation], int] = {
    Encrypt: 5,
    GenerateRandom: 4,
    DescribeKey: 5,
    ListKeys: 9,
    ListKeyDetail: 9,
    BrowseKeys: 12,
}
# What a list, which counts exactly what it shows, may cost for each key with a right on
# it, and one more by group: steps of SQLite's machine.
MOST_STEPS_A_GRANT = 400


def inputs(key: str) -> dict[type[Operation], dict[str, Any]]:
    return {
        Encrypt: {"KeyId": key, "Plaintext": "YQ=="},
        GenerateRandom: {"NumberOfBytes": 1},
        DescribeKey: {"KeyId": key},
        ListKeys: {},
        ListKeyDetail: {},
        BrowseKeys: {},
    }


def counted(user: User, key: str, number: int) -> dict[type[Operation], int]:
    found = {}
    for at, (operation, data) in enumerate(inputs(key).items()):
        fresh = call(acting(user), signature_hash=bytes([number, at]) * 16)
        with CaptureQueriesContext(connection) as statements:
            operation.execute(fresh, data)
        found[operation] = len(statements)
    return found


def attach(user: User, number: int) -> None:
    statement = {"effect": "allow", "action": "name/kms:Encrypt", "resource": "*"}
    policy = Policy.objects.create(
        account=user.account,
        name=f"policy {number}",
        document=json.dumps({"version": "2.0", "statement": statement}),
    )
    PolicyAttachment.objects.create(
        policy=policy, user=user, attached_by_uin=ACCOUNT, attached_by_name="admin"
    )


def test_rights_cost_the_same_however_many_there_are() -> None:
    key, user = create_key(), sub_account()
    grant(user, "role.key-user", key=key)
    grant(user, "GenerateRandom")
    assert counted(user, key, 0) == PINNED
    for number in range(12):
        other = create_key(f"key-{number}")
        team = group(f"team-{number}", user, sub_account(f"sub-{number}"))
        grant(user, "role.auditor", "Encrypt", key=other)
        grant(team, "role.key-user", key=other)
        grant(team, "role.encrypt-only", key=key)
        attach(user, number)
    assert counted(user, key, 1) == PINNED


def test_deciding_on_a_batch_costs_what_deciding_on_one_key_does() -> None:
    """Only writing each key grows with their number."""
    keys = [create_key(name) for name in "abcd"]
    user = sub_account()
    grant(user, "role.key-administrator")
    costs = []
    for number in (2, 4):
        statements = {}
        for operation in (DisableKeys, EnableKeys):
            with CaptureQueriesContext(connection) as captured:
                operation.execute(call(acting(user)), {"KeyIds": keys[:number]})
            statements[operation] = len(captured)
        costs.append(statements)
    for operation in (DisableKeys, EnableKeys):
        assert costs[1][operation] - costs[0][operation] == 2


def test_deciding_on_many_people_costs_what_deciding_on_one_does() -> None:
    """Only writing each person grows with their number."""
    deputy = sub_account("deputy")
    grant(deputy, "role.full-access")
    names = [sub_account(name).name for name in "abcd"]
    costs = {}
    for caller, number in product((ROOT, acting(deputy)), (2, 4)):
        with CaptureQueriesContext(connection) as captured:
            DisableSubAccount.execute(call(caller), {"Users": names[:number]})
        costs[caller.name, number] = len(captured)
    assert costs["admin", 4] - costs["admin", 2] == 2
    for number in (2, 4):
        assert costs["deputy", number] - costs["admin", number] == 2


PAGES = (
    "/keys/",
    "/keys/{key}/",
    "/keys/{key}/encrypt/",
    "/keys/{key}/rotation/",
    "/keys/{key}/access/",
    "/keys/{key}/disable-key/",
    "/access/mine/",
    "/access/sub-accounts/",
    "/access/groups/",
    "/access/groups/team/",
)
# What a sub-account's page may cost beside root's: its rules are read once for each
# operation that runs, once for the buttons and once for the menu.
MOST_MORE = 16


def page_costs(clients: dict[str, Client], key: str) -> dict[tuple[str, str], int]:
    found = {}
    for (who, client), path in product(clients.items(), PAGES):
        client.get(path.format(key=key))
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(path.format(key=key))
        assert answer.status_code == 200, (who, path)
        found[who, path] = len(captured)
    return found


def test_pages_cost_the_same_however_many_rights_and_people_there_are() -> None:
    """Keys, grants, groups, members and policies may grow; statements don't."""
    root, key = signed_in(), create_key()
    deputy = sub_account("deputy")
    team = group("team", deputy, sub_account("first"))
    grant(team, "role.key-user", key=key)
    grant(deputy, "role.full-access")
    attach(deputy, 99)
    clients = {"root": root, "deputy": Client()}
    enter(clients["deputy"], deputy)
    before = page_costs(clients, key)
    for number in range(9):
        other = create_key(f"key-{number}")
        more = group(f"team-{number}", deputy, sub_account(f"sub-{number}"))
        Membership.objects.create(group=team, user=sub_account(f"member-{number}"))
        grant(deputy, "role.auditor", "Encrypt", key=other)
        grant(more, "role.encrypt-only", key=key)
        attach(deputy, number)
    after = page_costs(clients, key)
    assert after == before
    for path in PAGES:
        more_than_root = after["deputy", path] - after["root", path]
        print(f"{path}: root {after['root', path]}, sub-account +{more_than_root}")
        assert more_than_root <= MOST_MORE


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans")
def test_a_right_on_a_key_is_found_among_however_many_of_its_holder() -> None:
    statement = rulebook._grants_on(rulebook._ONE, 1)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement.text}", ["x"] * 6)
        plan = [row[3] for row in cursor.fetchall()]
    assert (
        "SEARCH g USING INDEX accessctl_user_key_both"
        " (user_id=? AND content_object_id=?)"
    ) in plan


def worked(user: User, operation: type[Operation], data: dict[str, Any]) -> int:
    """Return how many steps SQLite's machine makes for this, in tens."""
    ticks = 0

    def tick() -> int:
        nonlocal ticks
        ticks += 1
        return 0

    fresh = call(acting(user), signature_hash=randomness.token_bytes(32))
    connection.connection.set_progress_handler(tick, 10)
    try:
        operation.execute(fresh, data)
    finally:
        connection.connection.set_progress_handler(None, 0)
    return ticks


@pytest.mark.skipif(connection.vendor != "sqlite", reason="counts SQLite's steps")
def test_deciding_on_a_key_is_the_same_work_whatever_is_granted_on_others() -> None:
    """With 10 grants and with 2,000; lists and counts cost so much for each grant."""
    key, user = create_key(), sub_account()
    team = group("team", user)
    grant(user, "role.key-user", key=key)
    grant(team, "role.auditor", key=key)
    plain = {"state": "Enabled", "usage": "ENCRYPT_DECRYPT", "origin": "TENCENT_KMS"}
    ids = [str(row_of_key(number, **plain).id) for number in range(2_000)]
    questions = {
        operation: data
        for operation, data in inputs(key).items()
        if operation is not GenerateRandom
    }
    found = []
    for some in (ids[:10], ids[10:]):
        spread(UserKeyGrant, some)
        spread(GroupKeyGrant, some)
        for operation, data in questions.items():
            worked(user, operation, data)
        found.append(
            {each: worked(user, each, data) for each, data in questions.items()}
        )
    few, many = found
    print({each.__name__: (few[each] * 10, many[each] * 10) for each in questions})
    for decided in (Encrypt, DescribeKey):
        assert abs(many[decided] - few[decided]) <= 3
    for listed in (ListKeys, ListKeyDetail, BrowseKeys):
        assert (many[listed] - few[listed]) * 10 / 2_000 < MOST_STEPS_A_GRANT
    tables = (UserKeyGrant, GroupKeyGrant)
    assert [table.objects.count() for table in tables] == [2_001, 2_001]
