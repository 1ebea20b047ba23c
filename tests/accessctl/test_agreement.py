"""Random rights in random worlds: every answer of the evaluator says the same.

Decision, visible keys, holders and the lists are held against each other and against
`Oracle`, a second and much plainer reading of the same rights.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from itertools import combinations, product
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accessctl import evaluator
from accessctl.models import (
    Account,
    Group,
    GroupAccountGrant,
    GroupKeyGrant,
    Policy,
    PolicyAttachment,
    User,
    UserAccountGrant,
    UserKeyGrant,
)
from accessctl.permissions import make_permission_rows
from keys.models import CustomerMasterKey
from kmsconsole import clock
from kmsconsole.errors import UnauthorizedOperation
from kmsconsole.operations import registry
from kmsconsole.principals import Call
from tests.accessctl.people import account, acting, group, sub_account
from tests.accessctl.table import ROLES, ROWS
from tests.accessctl.undone import undone
from tests.personas import ACCOUNT, FOREIGN_ACCOUNT, OTHER_REGION, REGION

pytestmark = pytest.mark.django_db

WORLDS = 200
OPERATIONS = ("Encrypt", "DescribeKey", "ListKeyVersions", "TagKeys", "GrantAccess")
LISTS = ("ListKeys", "ListKeyDetail", "BrowseKeys")
REGIONS = (REGION, OTHER_REGION)
ADDRESSES = ("", "10.0.0.7", "192.0.2.9", "2001:db8::1")
NETWORKS = ("10.0.0.0/8", "192.0.2.9", "2001:db8::/32", "0.0.0.0/0")
ACTIONS = (
    *("*", "name/kms:*", "kms:Describe*", "name/kms:*Key*", "name/kms:listkeys"),
    *("name/kms:List*", "name/kms:Encrypt", "kms:describekey", "name/kms:TagKeys"),
    *("name/kms:browsekeys", "name/kms:GrantAccess"),
)
CREATORS = (ACCOUNT, 200_000_000_777)
KEY_IDS = [UUID(int=number) for number in range(1, 7)]


RIGHTS = (*(f"role.{role}" for role in ROLES), "Encrypt", "DescribeKey", "TagKey")
# Ends before, at and after the moment that everything is asked at; none at all.
ENDS = (None, None, -1, 0, 1)
PEOPLE, GROUPS = ("ann", "bob"), ("red", "blue")
HOLDERS = (*PEOPLE, *GROUPS)


@dataclass(frozen=True)
class Grant:
    holder: str
    right: str
    key: UUID | None
    end: int | None


@dataclass(frozen=True)
class Rule:
    """One statement, before it becomes JSON."""

    effect: str
    actions: tuple[str, ...]
    region: str
    creator: int | None
    key: UUID | None
    condition: tuple[str, str] | None
    star: bool

    def text(self) -> dict[str, Any]:
        owner = "*" if self.creator is None else self.creator
        key = "*" if self.key is None else self.key
        named = self.creator is not None or self.key is not None
        last = f"key/creatorUin/{owner}/{key}" if named else "key/*"
        region = self.region or "*"
        place = f"qcs::kms:{region}:uin/{ACCOUNT}:{last}"
        statement = {
            "effect": self.effect,
            "action": list(self.actions),
            "resource": "*" if self.star else [place],
        }
        if self.condition:
            operator, network = self.condition
            statement["condition"] = {operator: {"qcs:ip": [network]}}
        return statement


@dataclass(frozen=True)
class World:
    keys: dict[UUID, tuple[int, str, int]]
    members: frozenset[tuple[str, str]]
    grants: tuple[Grant, ...]
    policies: tuple[tuple[str, tuple[Rule, ...]], ...]
    region: str
    address: str
    operations: tuple[str, ...]


rules = st.builds(
    Rule,
    effect=st.sampled_from(("allow", "allow", "deny")),
    actions=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2).map(tuple),
    region=st.sampled_from(("", *REGIONS)),
    creator=st.sampled_from((None, None, *CREATORS)),
    key=st.sampled_from((None, None, *KEY_IDS)),
    condition=st.none()
    | st.tuples(
        st.sampled_from(("ip_equal", "ip_not_equal")), st.sampled_from(NETWORKS)
    ),
    star=st.booleans(),
)
grants = st.builds(
    Grant,
    holder=st.sampled_from(HOLDERS),
    right=st.sampled_from(RIGHTS),
    key=st.sampled_from((None, *KEY_IDS)),
    end=st.sampled_from(ENDS),
)
key_facts = st.tuples(
    st.sampled_from((ACCOUNT, ACCOUNT, ACCOUNT, FOREIGN_ACCOUNT)),
    st.sampled_from(REGIONS),
    st.sampled_from(CREATORS),
)
worlds = st.builds(
    World,
    keys=st.lists(key_facts, min_size=1, max_size=6).map(
        lambda facts: dict(zip(KEY_IDS, facts, strict=False))
    ),
    members=st.frozensets(st.sampled_from(list(product(PEOPLE, GROUPS)))),
    grants=st.lists(
        grants, max_size=4, unique_by=lambda g: (g.holder, g.right, g.key)
    ).map(tuple),
    policies=st.lists(
        st.tuples(
            st.sampled_from(HOLDERS),
            st.lists(rules, min_size=1, max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    region=st.sampled_from(REGIONS),
    address=st.sampled_from(ADDRESSES),
    operations=st.sampled_from(list(combinations(OPERATIONS, 2))),
)


class Oracle:
    """Reads a world the plain way."""

    def __init__(self, world: World) -> None:
        self.world = world

    def held_by(self, person: str) -> set[str]:
        return {person} | {g for member, g in self.world.members if member == person}

    def may(self, person: str, operation: str, key: UUID) -> bool:
        owner, region, creator = self.world.keys[key]
        if owner != ACCOUNT:
            return False
        answers = set()
        needs = ROWS[operation].needs or operation
        for grant in self.world.grants:
            if (
                grant.holder in self.held_by(person)
                and (grant.end is None or grant.end > 0)
                and grant.key in (None, key)
                and self.holds(grant.right, needs)
            ):
                answers.add("allow")
        for holder, statements in self.world.policies:
            if holder not in self.held_by(person):
                continue
            for rule in statements:
                if (
                    self.names(rule, operation, needs)
                    and self.about(rule, region, creator, key)
                    and self.from_there(rule)
                ):
                    answers.add(rule.effect)
        return answers == {"allow"}

    def may_list(self, person: str, operation: str) -> bool:
        """Say whether no deny on everything forbids the list itself."""
        return not any(
            rule.effect == "deny"
            and (rule.star or (rule.creator is None and rule.key is None))
            and (rule.star or rule.region in ("", self.world.region))
            and self.names(rule, operation, "DescribeKey")
            and self.from_there(rule)
            for holder, statements in self.world.policies
            for rule in statements
            if holder in self.held_by(person)
        )

    def holds(self, right: str, needs: str) -> bool:
        if not right.startswith("role."):
            return right == needs
        role = right.removeprefix("role.")
        return role == "full-access" or role in ROWS[needs].roles

    def names(self, rule: Rule, operation: str, needs: str) -> bool:
        named = {needs} if rule.effect == "allow" else {needs, operation}
        return any(
            fnmatchcase(name.lower(), action.rpartition(":")[2].lower())
            for action in rule.actions
            for name in named
        )

    def about(self, rule: Rule, region: str, creator: int, key: UUID) -> bool:
        if rule.star:
            return True
        return (
            rule.region in ("", region)
            and rule.creator in (None, creator)
            and rule.key in (None, key)
        )

    def from_there(self, rule: Rule) -> bool:
        if rule.condition is None:
            return True
        if not self.world.address:
            return rule.effect == "deny"
        operator, network = rule.condition
        within = ip_address(self.world.address) in ip_network(network)
        return within is (operator == "ip_equal")


@dataclass
class Cast:
    """Who is there in every world."""

    users: dict[str, User]
    groups: dict[str, Group]
    permissions: dict[tuple[str, type[Any]], Permission]

    def holder(self, name: str) -> dict[str, Any]:
        if name in self.users:
            return {"user": self.users[name]}
        return {"group": self.groups[name].auth_group}


@pytest.fixture
def cast() -> Cast:
    make_permission_rows()
    account(FOREIGN_ACCOUNT)
    permissions = {
        (right, model): Permission.objects.get(
            codename=right, content_type=ContentType.objects.get_for_model(model)
        )
        for right in RIGHTS
        for model in (Account, CustomerMasterKey)
    }
    users = {name: sub_account(name) for name in PEOPLE}
    return Cast(users, {name: group(name) for name in GROUPS}, permissions)


def put(cast: Cast, world: World, moment: datetime) -> None:
    """Write a world into the database."""
    for number, (key_id, (owner, region, creator)) in enumerate(world.keys.items()):
        CustomerMasterKey.objects.create(
            id=key_id,
            account_uin=owner,
            region=region,
            creator_uin=creator,
            alias=f"key-{number}",
            usage="ENCRYPT_DECRYPT",
            origin="TENCENT_KMS",
            state="Enabled",
            created_at=moment,
        )
    for person, team in world.members:
        cast.groups[team].members.add(cast.users[person])
    by = {"granted_by_uin": ACCOUNT, "granted_by_name": "admin"}
    for grant in world.grants:
        if grant.key is not None and grant.key not in world.keys:
            continue
        holder = cast.holder(grant.holder)
        target: type[Any] = Account if grant.key is None else CustomerMasterKey
        rows: Any = {
            ("user", Account): UserAccountGrant,
            ("user", CustomerMasterKey): UserKeyGrant,
            ("group", Account): GroupAccountGrant,
            ("group", CustomerMasterKey): GroupKeyGrant,
        }[next(iter(holder)), target]
        rows.objects.create(
            **holder,
            permission=cast.permissions[grant.right, target],
            content_object_id=grant.key or ACCOUNT,
            expires_at=None
            if grant.end is None
            else moment + timedelta(seconds=grant.end),
            **by,
        )
    for number, (holder_name, statements) in enumerate(world.policies):
        document = {"version": "2.0", "statement": [rule.text() for rule in statements]}
        policy = Policy.objects.create(
            account_id=ACCOUNT, name=f"p{number}", document=json.dumps(document)
        )
        to = (
            {"user": cast.users[holder_name]}
            if holder_name in cast.users
            else {"group": cast.groups[holder_name]}
        )
        PolicyAttachment.objects.create(
            policy=policy, **to, attached_by_uin=ACCOUNT, attached_by_name="admin"
        )


def listed(call: Call, name: str) -> tuple[set[UUID], int]:
    """Return what a list shows, and how many it says there are."""
    output = registry()[name].execute(call, {}).output
    if name == "BrowseKeys":
        page = output["Page"]
        return {row.id for row in page.rows}, page.total
    field = "Keys" if name == "ListKeys" else "KeyMetadatas"
    return {UUID(key["KeyId"]) for key in output[field]}, output["TotalCount"]


def check_decisions(cast: Cast, world: World) -> None:
    oracle = Oracle(world)
    every = CustomerMasterKey.objects.all()
    own = {key for key, facts in world.keys.items() if facts[0] == ACCOUNT}
    for name in world.operations:
        operation = registry()[name]
        holding: dict[UUID, set[str]] = {
            key.id: {
                holder.user.name
                for holder in evaluator.holders(
                    ACCOUNT, world.region, operation, key, world.address
                )
            }
            for key in every
            if key.account_uin == ACCOUNT
        }
        for person, user in cast.users.items():
            call = Call(acting(user), world.region, "", world.address)
            expected = {key for key in world.keys if oracle.may(person, name, key)}
            decided = {key.id for key in every if call.decide(operation, key).allowed}
            visible = {key.id for key in call.visible(operation, every)}
            held = {key for key, names in holding.items() if person in names}
            assert decided == visible == held == expected, (person, name)
            if call.sees_all(operation):
                here = {key for key in own if world.keys[key][1] == world.region}
                assert here <= visible, (person, name)
        assert all("admin" in names for names in holding.values())


def check_lists(cast: Cast, world: World) -> None:
    oracle = Oracle(world)
    for (person, user), name in product(cast.users.items(), LISTS):
        call = Call(acting(user), world.region, "", world.address)
        expected = {
            key
            for key, (_owner, region, _creator) in world.keys.items()
            if region == world.region and oracle.may(person, name, key)
        }
        try:
            seen = listed(call, name)
        except UnauthorizedOperation:
            assert not oracle.may_list(person, name), (person, name)
            assert not expected, (person, name)
        else:
            assert oracle.may_list(person, name), (person, name)
            assert seen == (expected, len(expected)), (person, name)


@settings(
    max_examples=WORLDS,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
@given(world=worlds)
def test_every_answer_says_the_same(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    moment = clock.now()
    with monkeypatch.context() as frozen, undone():
        frozen.setattr(clock, "now", lambda: moment)
        put(cast, world, moment)
        check_decisions(cast, world)
        check_lists(cast, world)


@pytest.mark.parametrize(
    "action", ["name/kms:ListKeys", "name/kms:List*", "kms:BrowseKeys"]
)
@pytest.mark.parametrize("key", [KEY_IDS[0], None])
def test_a_deny_may_name_a_list_for_some_keys(
    cast: Cast, action: str, key: UUID | None
) -> None:
    """Of those lists, and of those alone, the keys are gone that it names."""
    everything = Rule("allow", ("*",), "", None, None, None, star=True)
    creator = None if key else CREATORS[0]
    denied = Rule("deny", (action,), "", creator, key, None, star=False)
    facts = [(ACCOUNT, REGION, creator) for creator in CREATORS]
    world = World(
        keys=dict(zip(KEY_IDS, facts, strict=False)),
        members=frozenset(),
        grants=(),
        policies=(("ann", (everything, denied)),),
        region=REGION,
        address="",
        operations=("DescribeKey", "Encrypt"),
    )
    put(cast, world, clock.now())
    check_decisions(cast, world)
    check_lists(cast, world)
    call = Call(acting(cast.users["ann"]), REGION, "", "")
    shown = {name: listed(call, name)[0] for name in LISTS}
    assert set(KEY_IDS[:2]) in shown.values()
    assert {KEY_IDS[1]} in shown.values()
