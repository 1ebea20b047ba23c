"""Every ID that any operation takes: another account's is answered like nobody's.

Made from the registry, so the console's own operations (alarms, webhooks, people,
groups, policies, access keys, events, requests) take part. A new field needs a line in
IDS, or a word in NO_IDS. Over the wire, to the byte: tests/api/test_foreign_ids.py.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from accessctl.models import AccessKey, AccessRequest, Group
from accessctl.operations import AttachPolicy, CreateAccessKey
from keys.crypto.ciphertext import decode, encode
from keys.models import DataKey
from keys.operations import CreateKey, DescribeKey, Encrypt, GenerateHostedDataKey
from kmsconsole import clock, randomness
from kmsconsole.alarms.models import Alarm, Webhook
from kmsconsole.alarms.operations import CreateWebhook
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError
from kmsconsole.operations import Operation, registry
from kmsconsole.principals import Principal
from tests import people
from tests.accessctl.people import acting, grant, sub_account
from tests.accessctl.table import ROWS
from tests.accessctl.undone import undone
from tests.personas import (
    ACCOUNT,
    FOREIGN_ACCOUNT,
    FOREIGN_ROOT,
    REGION,
    ROOT,
    call,
    execute,
)

pytestmark = pytest.mark.django_db

HINT = (
    "%s of %s has no line in tests/accessctl/test_every_id.py: add it to IDS if it "
    "names a thing of an account, else to NO_IDS."
)
# Fields that name a thing, and of which sort it is.
IDS = {
    "actor": "user",
    "alarms": "alarm",
    "ciphertext_blob": "blob",
    "data_key_id": "data key",
    "data_key_ids": "data key",
    "destination_key_id": "key",
    "group_id": "group number",
    "group_name": "group",
    "groups": "group",
    "key_id": "key",
    "key_ids": "key",
    "member_account": "account",
    "policy_name": "policy",
    "request_id": "request",
    "secret_id": "secret",
    "sequence": "event",
    "uin": "uin",
    "user_name": "user",
    "users": "user",
    "webhook_id": "webhook",
}
LISTS = {"alarms", "data_key_ids", "groups", "key_ids", "users"}
_OTHER_FIELDS = """
address after algorithm alias allowed allowed_addresses answer api before change
ciphertext code console data_key_len data_key_name days description
destination_encryption_context device_fingerprints document enabled
encrypted_key_material encryption_algorithm encryption_context encryption_public_key
expected_revision expires_at grant hold_deletions hours hsm_cluster_id idle_minutes
import_key_material import_token import_type initialization_vector is_hosted_by_kms
keep key_spec key_state key_status key_usage kind limit mail member_accounts message
message_type name new_password newer number number_of_bytes offset old_password
older only operation order order_type origin outcome password pending_window_in_days
plain_text plaintext product_id reason remark require_second_factor
require_signed_action resource_id right rights role rotate_days rotation
search_key_alias session_hours shortest_password signature_value since source
source_encryption_context state tag tag_filters tag_value tags taken type unread
until url usage valid_to webhook what words wrapping_algorithm wrapping_key_spec
"""
NO_IDS = set(_OTHER_FIELDS.split())
# Filters of lists by what stands in an event, whoever has it.
TEXTS = {("ListEvents", "request_id"), ("ExportEvents", "request_id")}

Things = dict[str, Any]


def wire(operation: type[Operation], field: str) -> str:
    """Return a field's name as it is sent."""
    info = operation.Input.model_fields[field]
    return str(info.validation_alias or info.alias or field)


CASES = [
    (name, field)
    for name, operation in sorted(registry().items())
    for field in operation.Input.model_fields
    if field in IDS
]


def things(account: int, root: Principal, name: str) -> Things:
    """Make one of each sort in an account."""
    user = sub_account(name, account)
    people.group(name, account=account)
    people.policy(name, account=account)
    execute(AttachPolicy, root, PolicyName=name, Users=[name])
    key_id = execute(CreateKey, root, Alias=name).output["KeyId"]
    sealed = execute(Encrypt, root, KeyId=key_id, Plaintext="YQ==").output
    hosted = {"KeySpec": "AES_256", "IsHostedByKms": 1, "DataKeyName": name}
    execute(GenerateHostedDataKey, root, KeyId=key_id, **hosted)
    execute(CreateAccessKey, root, UserName=name)
    execute(CreateWebhook, root, Url="https://example.com/")
    execute(DescribeKey, root, KeyId=key_id)
    request = AccessRequest.objects.create(
        account=user.account,
        requester=user,
        right="role.read-only",
        region=REGION,
        key_id=key_id,
        hours=1,
        reason="a test",
    )
    alarm = Alarm.objects.create(
        account_uin=account, kind="hsm-down", once=name, at=clock.now()
    )
    return {
        "account": account,
        "alarm": alarm.pk,
        "blob": sealed["CiphertextBlob"],
        "data key": str(DataKey.objects.get(key=key_id).id),
        "event": AuditEvent.objects.filter(account_uin=account).latest("sequence").pk,
        "group": name,
        "group number": Group.objects.get(account_id=account, name=name).pk,
        "key": key_id,
        "policy": name,
        "request": request.pk,
        "secret": AccessKey.objects.get(user=user).secret_id,
        "uin": user.uin,
        "user": name,
        "webhook": str(Webhook.objects.get(person_uin=root.uin).pk),
    }


def nobodys(theirs: Things) -> Things:
    """Return one of each sort that looks like theirs and is nobody's."""
    blob = decode(theirs["blob"])._replace(key_id=randomness.uuid4())
    return {
        "account": 100_000_009_999,
        "alarm": 2**31,
        "blob": encode(blob),
        "data key": str(randomness.uuid4()),
        "event": 2**31,
        "group": "unheard-of",
        "group number": 2**31,
        "key": str(randomness.uuid4()),
        "policy": "unheard-of",
        "request": 2**31,
        "secret": theirs["secret"][::-1],
        "uin": 299_999_999_999,
        "user": "unheard-of",
        "webhook": str(randomness.uuid4()),
    }


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Any]:
    """What the asking account has, what the other one has, and what nobody has."""
    with django_db_blocker.unblock(), undone():
        own = things(FOREIGN_ACCOUNT, FOREIGN_ROOT, "ours")
        theirs = things(ACCOUNT, ROOT, "theirs")
        deputy = sub_account("deputy", FOREIGN_ACCOUNT)
        grant(deputy, "role.full-access", by=FOREIGN_ROOT)
        yield own, theirs, nobodys(theirs), [FOREIGN_ROOT, acting(deputy)]


def answer(
    operation: type[Operation], who: Principal, data: dict[str, Any], given: Any
) -> str:
    """Run it, undo it, and return what was said, without the ID that was asked for."""
    with undone():
        try:
            output = operation.execute(call(who), data).output
            said = repr({k: list(v) if k == "Rows" else v for k, v in output.items()})
        except KMSError as error:
            said = repr((error.code, str(error.message)))
    return said.replace(str(given), "<given>")


def test_every_field_is_known() -> None:
    for name, operation in registry().items():
        for field in operation.Input.model_fields:
            assert (field in IDS) is not (field in NO_IDS), HINT % (field, name)


@pytest.mark.parametrize(("name", "field"), CASES)
def test_another_accounts_is_answered_like_nobodys(
    world: Any, name: str, field: str
) -> None:
    own, theirs, none, askers = world
    operation = registry()[name]
    fields = set(operation.Input.model_fields) & set(IDS)
    data = dict(ROWS[name].data)
    for each in fields:
        if wire(operation, each) in data:
            mine = own[IDS[each]]
            data[wire(operation, each)] = [mine] if each in LISTS else mine
    if field == "uin":
        # Instead of the name that it stands for.
        data = {k: v for k, v in data.items() if k not in ("UserName", "GroupId")}
    for who in askers:
        said = []
        for given in (theirs[IDS[field]], none[IDS[field]]):
            value = str(given) if (name, field) in TEXTS else given
            asked = {wire(operation, field): [value] if field in LISTS else value}
            said.append(answer(operation, who, data | asked, given))
        assert said[0] == said[1], who.name
        assert "theirs" not in said[0]
