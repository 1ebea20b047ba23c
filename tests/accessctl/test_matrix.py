"""Every operation x everybody x everything it can be about: who may, and who may not.

The expected answers stand in tests/accessctl/table.py; states and kinds in
tests/keys/test_states.py. A refusal for want of permission comes before any other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from accessctl.models import (
    AccessRequest,
    GroupKeyGrant,
    Policy,
    PolicyAttachment,
    User,
    UserKeyGrant,
)
from accessctl.operations import EndAccess
from accessctl.roles import grantable, roles
from keys.crypto.algorithms import AES_256_GCM
from keys.crypto.ciphertext import CiphertextBlob, encode
from keys.models import CustomerMasterKey, DataKey
from keys.operations import (
    SYSTEM_OPERATIONS,
    CreateCloudKey,
    CreateKey,
    DescribeKey,
)
from keys.states import KeyKind, KeyState
from kmsconsole import clock, randomness
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError, StepUpRequired, UnauthorizedOperation
from kmsconsole.operations import Operation, registry
from kmsconsole.principals import Kind, Principal
from tests.accessctl.people import acting, grant, group, revoke, sub_account
from tests.accessctl.table import (
    BLOB,
    DATA_KEY,
    EVENT,
    KEY,
    REQUEST,
    ROLES,
    ROWS,
    Person,
    Row,
    expected,
)
from tests.accessctl.undone import undone
from tests.keys.test_states import LIVING, SPECIFIED
from tests.keys.test_states import expected as following
from tests.personas import (
    ACCOUNT,
    FOREIGN_ACCOUNT,
    FOREIGN_ROOT,
    OPERATOR,
    REGION,
    ROOT,
    call,
    execute,
)

pytestmark = pytest.mark.django_db

EVERY: dict[str, type[Operation]] = registry() | {
    operation.__name__: operation for operation in (*SYSTEM_OPERATIONS, EndAccess)
}
SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "service", "")
ANONYMOUS = Principal(Kind.ANONYMOUS, 0, 0, "", "")
KINDS: dict[KeyKind, dict[str, Any]] = {
    KeyKind.GENERATED: {"usage": "ENCRYPT_DECRYPT", "origin": "TENCENT_KMS"},
    KeyKind.IMPORTED: {"usage": "ENCRYPT_DECRYPT", "origin": "EXTERNAL"},
    KeyKind.DECRYPTING: {
        "usage": "ASYMMETRIC_DECRYPT_RSA_2048",
        "origin": "TENCENT_KMS",
    },
    KeyKind.SIGNING: {
        "usage": "ASYMMETRIC_SIGN_VERIFY_ECC",
        "origin": "TENCENT_KMS",
    },
    KeyKind.CLOUD: {
        "usage": "ENCRYPT_DECRYPT",
        "origin": "TENCENT_KMS",
        # Another product than the working key's: each has one.
        "owner": "cos",
    },
}
MANUAL_HINT = (
    "{name} has no line in ROWS of tests/accessctl/table.py: add one that says whose "
    "operation it is, which roles hold it, and an input it can read."
)


@dataclass
class World:
    """Everybody and everything of the cells."""

    people: list[Person]
    # In every state and of every kind, without material: for decisions.
    keys: dict[tuple[KeyState, KeyKind], CustomerMasterKey]
    # One of each kind that works: for executing.
    working: dict[KeyKind, str]
    other: CustomerMasterKey
    foreign: CustomerMasterKey
    somebody: User
    stranger: User

    def named(self, name: str) -> Person:
        return next(person for person in self.people if person.name == name)


def row_of_key(number: int, account: int = ACCOUNT, **more: Any) -> CustomerMasterKey:
    return CustomerMasterKey.objects.create(
        account_uin=account,
        region=REGION,
        alias=f"key-{number}",
        creator_uin=account,
        created_at=clock.now(),
        deletion_date=clock.now() + timedelta(days=9),
        **more,
    )


def working_keys() -> dict[KeyKind, str]:
    def made(alias: str, **more: Any) -> str:
        key_id: str = execute(CreateKey, Alias=alias, **more).output["KeyId"]
        return key_id

    cloud = execute(CreateCloudKey, SYSTEM, Product="cbs").output["KeyId"]
    return {
        KeyKind.GENERATED: made("generated"),
        KeyKind.IMPORTED: made("imported", Type=2),
        KeyKind.DECRYPTING: made("decrypting", KeyUsage="ASYMMETRIC_DECRYPT_RSA_2048"),
        KeyKind.SIGNING: made("signing", KeyUsage="ASYMMETRIC_SIGN_VERIFY_ECC"),
        KeyKind.CLOUD: cloud,
    }


def attach(user: User, document: str) -> None:
    policy = Policy.objects.create(
        account=user.account, name=f"of {user.name}", document=document
    )
    PolicyAttachment.objects.create(
        policy=policy, user=user, attached_by_uin=ACCOUNT, attached_by_name="admin"
    )


def spread(grants: type[UserKeyGrant | GroupKeyGrant], ids: list[str]) -> None:
    """Copy the newest grant on one key to other keys."""
    row = grants.objects.order_by("-id").values()[0]
    del row["id"]
    made = [grants(**row | {"content_object_id": key_id}) for key_id in ids]
    grants.objects.bulk_create(made)  # type: ignore[arg-type]


def with_roles(ids: list[str]) -> Iterator[Person]:
    """Everybody who was given a role, directly and through a group."""
    for role in ROLES:
        right, one = f"role.{role}", frozenset({role})
        direct = sub_account(f"{role} on keys")
        shared = sub_account(f"{role} on keys, by group")
        team = group(f"{role} on keys", shared)
        for holder, rows in ((direct, UserKeyGrant), (team, GroupKeyGrant)):
            grant(holder, right, key=ids[0])
            spread(rows, ids[1:])
        for user in (direct, shared):
            yield Person(user.name, acting(user), on_key=one)
        direct = sub_account(f"{role} on the account")
        shared = sub_account(f"{role} on the account, by group")
        grant(direct, right)
        grant(group(f"{role} on the account", shared), right)
        for user in (direct, shared):
            yield Person(user.name, acting(user), on_account=one)


def without_any(ids: list[str]) -> Iterator[Person]:
    """Sub-accounts that may do nothing any more."""
    yield Person("nobody", acting(sub_account("nobody")))
    revoked, ended = sub_account("revoked"), sub_account("ended")
    later = (clock.now() + timedelta(hours=1)).isoformat()
    left = group("left", revoked)
    for where in ({}, *({"key": key_id} for key_id in ids[-6:])):
        for holder in (revoked, left):
            grant(holder, "role.full-access", **where)
            revoke(holder, "role.full-access", **where)
    for where in ({}, {"key": ids[0]}):
        grant(ended, "role.full-access", Until=later, **where)
    spread(UserKeyGrant, ids[1:])
    past = clock.now() - timedelta(seconds=1)
    for manager in (ended.useraccountgrant_set, ended.userkeygrant_set):
        assert manager.update(expires_at=past)
    denied = sub_account("denied")
    grant(denied, "role.full-access")
    attach(
        denied,
        '{"version": "2.0", "statement": {"effect": "deny", "action": "*",'
        ' "resource": "*"}}',
    )
    elsewhere = sub_account("elsewhere")
    grant(group("its old team"), "role.full-access")
    for user in (revoked, ended, denied, elsewhere):
        yield Person(user.name, acting(user))


def build() -> World:
    somebody = sub_account("somebody")
    stranger = sub_account("stranger", FOREIGN_ACCOUNT)
    grant(stranger, "role.full-access", by=FOREIGN_ROOT)
    keys = {
        (state, kind): row_of_key(10 * at + number, state=state, **KINDS[kind])
        for at, state in enumerate(LIVING)
        for number, kind in enumerate(KINDS)
    }
    working = working_keys()
    ids = [str(key.id) for key in keys.values()] + list(working.values())
    plain = {"state": KeyState.ENABLED, **KINDS[KeyKind.GENERATED]}
    people = [
        Person("root", ROOT, "root"),
        Person("operator", OPERATOR, "operator"),
        Person("system", SYSTEM, "system"),
        Person("anonymous", ANONYMOUS, "anonymous"),
        Person("foreign root", FOREIGN_ROOT, "root", foreign=True),
        Person(
            "foreign full access",
            acting(stranger),
            on_account=frozenset({"full-access"}),
            foreign=True,
        ),
        *without_any(ids),
        *with_roles(ids),
    ]
    return World(
        people,
        keys,
        working,
        other=row_of_key(900, **plain),
        foreign=row_of_key(901, FOREIGN_ACCOUNT, **plain),
        somebody=somebody,
        stranger=stranger,
    )


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Everybody and everything, once for all operations; nothing stays."""
    with django_db_blocker.unblock(), undone():
        yield build()


def test_every_operation_has_a_line() -> None:
    for name in EVERY:
        assert name in ROWS, MANUAL_HINT.format(name=name)
    gone = set(ROWS) - set(EVERY)
    assert not gone, f"no operation has these names any more: {sorted(gone)}"
    assert set(ROLES) == set(roles()), "ROLES of tests/accessctl/table.py is outdated"


def row_of(name: str) -> Row:
    if name not in ROWS:
        pytest.fail(MANUAL_HINT.format(name=name))
    return ROWS[name]


OPERATIONS = sorted(EVERY)


def targets(
    row: Row, world: World, person: Person
) -> Iterator[tuple[str, str, object]]:
    """What a decision can be about: its sort, its name in a failure, and itself."""
    yield "nothing", "nothing", None
    if row.scope in ("key", "system"):
        for (state, kind), key in world.keys.items():
            yield "key", f"{state} {kind}", key
        yield "other", "another key", world.other
        yield "foreign", "a foreign key", world.foreign
        return
    yield "other", "somebody", world.somebody
    yield "foreign", "a stranger", world.stranger
    if person.kind == "sub" and not person.foreign:
        yield "oneself", "oneself", User.objects.get(uin=person.principal.uin)


@pytest.mark.parametrize("name", OPERATIONS)
def test_decisions(world: World, name: str) -> None:
    row, operation = row_of(name), EVERY[name]
    wrong = []
    for person in world.people:
        for sort, what, resource in targets(row, world, person):
            wanted = expected(row, person, sort)
            # Who is denied everything is denied lists, too.
            if person.name == "denied" and row.scope == "listing":
                wanted = False
            decision = call(person.principal).decide(operation, resource)
            if decision.allowed is not wanted:
                wrong.append((name, person.name, what, decision.rule))
    assert not wrong, wrong


@pytest.mark.parametrize("name", OPERATIONS)
def test_one_right_alone_allows_what_needs_it(world: World, name: str) -> None:
    row, operation = row_of(name), EVERY[name]
    needs = row.needs or name
    assert operation.needs() == needs
    assert operation.step_up is row.step_up
    if row.scope not in ("key", "account"):
        assert name not in grantable()
        return
    key = next(iter(world.keys.values()))
    resource = key if row.scope == "key" else None
    for right in grantable():
        places = [""]
        if row.scope == "key" and row_of(right).scope == "key":
            places.append(str(key.id))
        for where in places:
            with undone():
                user = sub_account("single")
                grant(user, right, key=where)
                decided = call(acting(user)).decide(operation, resource)
            assert decided.allowed is (right == needs), (name, right, where)


def filled(value: Any, key_id: str) -> Any:
    """Put a key into an input."""
    if isinstance(value, dict):
        return {name: filled(inner, key_id) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, key_id) for inner in value]
    if value == BLOB:
        key = CustomerMasterKey.objects.get(id=key_id)
        return encode(
            CiphertextBlob(key.id, 1, AES_256_GCM.number, bytes(12), bytes(17))
        )
    if value == REQUEST:
        return asked_for(key_id)
    if value == EVENT:
        execute(DescribeKey, KeyId=key_id)
        return AuditEvent.objects.latest("sequence").sequence
    made = {KEY: lambda: key_id, DATA_KEY: lambda: hosted_by(key_id)}
    return made[value]() if value in made else value


def hosted_by(key_id: str) -> str:
    """Return the ID of a data key kept under this key."""
    key = CustomerMasterKey.objects.get(id=key_id)
    row = DataKey.objects.create(
        key=key,
        account_uin=key.account_uin,
        region=key.region,
        name=f"kept-{randomness.token_bytes(6).hex()}",
        number_of_bytes=16,
        origin="TENCENT_KMS",
        state="Enabled",
        blob=filled(BLOB, key_id),
        creator_uin=ACCOUNT,
        created_at=clock.now(),
    )
    return str(row.id)


def asked_for(key_id: str) -> int:
    """Return the ID of an open request of somebody who is none of the people."""
    asker = User.objects.get(name="somebody", account_id=ACCOUNT)
    request = AccessRequest.objects.create(
        account=asker.account,
        requester=asker,
        right="role.read-only",
        region=REGION,
        key_id=key_id,
        hours=1,
        reason="a test",
    )
    return request.pk


def refusal(
    operation: type[Operation], principal: Principal, data: dict[str, Any]
) -> type[KMSError] | None:
    """Run it, undo it, and return what refused it."""
    with undone():
        try:
            operation.execute(call(principal), data)
        except KMSError as error:
            return type(error)
    return None


def cells(world: World, row: Row) -> Iterator[tuple[KeyState, KeyKind, str]]:
    """Each working key in each state, where the operation is about a key."""
    kinds = KeyKind if row.scope == "key" else [KeyKind.GENERATED]
    states = LIVING if row.scope == "key" else [KeyState.ENABLED]
    for kind in kinds:
        key_id = world.working[kind]
        key = CustomerMasterKey.objects.filter(id=key_id)
        for state in states:
            with undone():
                key.update(state=state, deletion_date=clock.now() + timedelta(days=9))
                yield state, kind, key_id


def unprivileged(world: World, row: Row) -> list[Person]:
    """Some who may not, each for another reason."""
    names = ["nobody", "revoked", "ended", "denied", "operator", "system"]
    people = [world.named(name) for name in names]
    people += [
        person
        for person in world.people
        if (person.on_key or person.on_account) and not person.foreign
    ][:: 5 if row.scope == "key" else 1]
    if row.scope == "listing":
        people = [world.named("operator")]
    return [person for person in people if not expected(row, person, "key")]


def wrong_answer(name: str, cell: tuple[str, str], got: Any) -> str:
    """Say what is wrong with an answer to somebody who may; empty where nothing is."""
    if got is UnauthorizedOperation:
        return "refused for want of permission"
    if name not in SPECIFIED:
        return ""
    wanted = following(name, KeyState(cell[0]), KeyKind(cell[1]))
    if isinstance(wanted, KeyState):
        return ""
    code = got.code.rpartition(".")[2] if got else "success"
    return "" if code == wanted else f"{code} instead of {wanted}"


def privileged(world: World, row: Row) -> list[Person]:
    """Root, and somebody with a role that holds it: on keys and on the account."""
    if row.scope in ("system", "operator"):
        return []
    role = min(row.roles) if row.roles else "full-access"
    names = (f"{role} on keys", f"{role} on the account")
    holders = [world.named(name) for name in names]
    people = [
        world.named("root"),
        *(person for person in holders if expected(row, person, "key")),
    ]
    # It makes an RSA pair: once is enough.
    return people[-1:] if row is ROWS["GetParametersForImport"] else people


def of_refused(name: str, person: Person, data: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the answers to somebody who may not."""
    for fresh in (True, False):
        principal = replace(person.principal, fresh=fresh)
        got = refusal(EVERY[name], principal, data)
        if got is not UnauthorizedOperation:
            yield f"{got} instead of a refusal"


def of_allowed(
    name: str, person: Person, data: dict[str, Any], state: KeyState, kind: KeyKind
) -> Iterator[str]:
    """Yield what is wrong with the answers to somebody who may."""
    got: Any = refusal(EVERY[name], person.principal, data)
    if got is UnauthorizedOperation:
        yield "refused for want of permission"
    elif name in SPECIFIED:
        wanted = following(name, state, kind)
        code = got.code.rpartition(".")[2] if got else "success"
        if not isinstance(wanted, KeyState) and code != wanted:
            yield f"{code} instead of {wanted}"
    if ROWS[name].step_up:
        stale = replace(person.principal, fresh=False)
        if refusal(EVERY[name], stale, data) is not StepUpRequired:
            yield "no step-up"


@pytest.mark.parametrize("name", OPERATIONS)
def test_executing(world: World, name: str) -> None:
    row = row_of(name)
    refused, allowed = unprivileged(world, row), privileged(world, row)
    assert refused or row.scope in ("listing", "caller")
    assert allowed or row.scope in ("system", "operator")
    wrong = []
    for state, kind, key_id in cells(world, row):
        data = filled(row.data, key_id)
        for person in refused:
            for why in of_refused(name, person, data):
                wrong.append((name, person.name, state, kind, why))  # noqa: PERF401
        for person in allowed:
            for why in of_allowed(name, person, data, state, kind):
                wrong.append((name, person.name, state, kind, why))  # noqa: PERF401
    assert not wrong, wrong


@pytest.mark.parametrize(
    "name", [name for name in OPERATIONS if name in ROWS and ROWS[name].scope == "key"]
)
def test_a_foreign_key_is_refused_like_none(world: World, name: str) -> None:
    """Whoever may do everything in their own account learns nothing about another's."""
    row, operation = row_of(name), EVERY[name]
    foreigners = [world.named("foreign root"), world.named("foreign full access")]
    for state, kind, key_id in cells(world, row):
        for person in foreigners:
            principal = person.principal
            if row.scope == "key" and name in ("GrantAccess", "RevokeAccess"):
                principal = replace(principal, fresh=True)
            there = refusal(operation, principal, filled(row.data, key_id))
            absent = str(randomness.uuid4())
            data = {
                field: there_is_none(value, absent) for field, value in row.data.items()
            }
            nowhere = refusal(operation, principal, data)
            assert there is nowhere is not None, (name, person.name, state, kind, there)


def there_is_none(value: Any, absent: str) -> Any:
    if value == BLOB:
        return TEXT_OF_NOTHING
    if isinstance(value, list):
        return [there_is_none(inner, absent) for inner in value]
    if value in (REQUEST, EVENT):
        return 2**31
    return absent if value in (KEY, DATA_KEY) else value


TEXT_OF_NOTHING = encode(
    CiphertextBlob(randomness.uuid4(), 1, AES_256_GCM.number, bytes(12), bytes(17))
)
