"""The policy language: every shape it has, and everything that is refused."""

import json
import time
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest

from accessctl.policy_language import LONGEST_DOCUMENT, PolicyRefused, nameable, parse
from accessctl.predefined import PREDEFINED
from accessctl.roles import grantable
from accessctl.rules import EVERYTHING, Origin, Reach, Statement
from keys import operations as o
from kmsconsole.operations import Operation, Scope, registry

ACCOUNT, OTHER = 100_000_000_001, 100_000_000_002
KEY = "11111111-2222-4333-8444-555555555555"
WHOLE = f"qcs::kms:ap-guangzhou:uin/{ACCOUNT}:"
ALLOW: dict[str, Any] = {"effect": "allow", "action": "kms:Encrypt", "resource": "*"}


def document(*statements: Any, version: Any = "2.0", **more: Any) -> str:
    return json.dumps({"version": version, "statement": list(statements), **more})


def read(**changes: Any) -> Statement:
    """Return one statement: the plain one with some fields changed."""
    (statement,) = parse(document(ALLOW | changes), ACCOUNT)
    return statement


def operations(*actions: str) -> frozenset[str]:
    return read(action=list(actions)).operations


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(PolicyRefused) as refused:
        parse(text, ACCOUNT)
    return refused.value.place, refused.value.why


def refused_place(**changes: Any) -> str:
    return refusal(document(ALLOW | changes))[0]


def test_the_smallest_statement() -> None:
    expected = Statement(allow=True, operations=frozenset({"Encrypt"}))
    assert read() == expected
    assert read(effect="deny") == Statement(allow=False, operations=expected.operations)
    single = json.dumps({"version": "2.0", "statement": ALLOW})
    assert parse(single, ACCOUNT) == (expected,)


def test_statements_keep_their_order() -> None:
    both = parse(document(ALLOW, ALLOW | {"effect": "deny"}), ACCOUNT)
    assert [statement.allow for statement in both] == [True, False]


# --- actions --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "action",
    ["kms:Encrypt", "name/kms:Encrypt", "name/kms:encrypt", "kms:ENCRYPT", "kms:enc*t"],
)
def test_one_action_in_its_spellings(action: str) -> None:
    assert operations(action) == {"Encrypt"}


@pytest.mark.parametrize("action", ["*", "name/kms:*", "kms:*", "kms:**"])
def test_everything(action: str) -> None:
    statement = read(action=action)
    assert statement.operations == frozenset(nameable().values())
    assert statement.full
    assert statement.operations >= set(grantable())
    assert not read(action=action, resource=f"{WHOLE}key/*").full
    assert not read(action=action, effect="deny").full


def test_wildcards_take_what_they_match_and_no_more() -> None:
    assert operations("kms:*crypt") == {"Encrypt", "Decrypt", "ReEncrypt"} | {
        name for name in nameable().values() if name.lower().endswith("crypt")
    }
    assert operations("kms:*Key*Deletion") == {
        "ScheduleKeyDeletion",
        "ScheduleKeysDeletion",
        "CancelKeyDeletion",
        "ConfirmKeyDeletion",
        "ScheduleDataKeyDeletion",
        "CancelDataKeyDeletion",
    }
    assert "DescribeKey" in operations("kms:Describe*")
    assert "DescribeKey" not in operations("kms:Get*")
    # What stands before and behind a star doesn't overlap.
    assert refused_place(action="kms:encrypt*encrypt") == "statement[0].action"


def test_several_actions_are_joined() -> None:
    joined = operations("kms:Encrypt", "name/kms:Decrypt", "kms:Encrypt")
    assert joined == {"Encrypt", "Decrypt"}


def test_former_names_stand_for_what_became_of_them() -> None:
    assert operations("kms:ListKey") == {"ListKeys", "ListKeyDetail", "BrowseKeys"}
    assert operations("name/kms:GetKeyAttributes") >= {"DescribeKey", "DescribeKeys"}
    assert operations("name/kms:SetKeyAttributes") >= {"UpdateAlias", "DisableKey"}
    assert "Encrypt" not in operations("kms:SetKeyAttributes")
    for former in ("ListKey", "GetKeyAttributes", "SetKeyAttributes"):
        assert operations(f"kms:{former}") <= set(registry())


def test_actions_of_the_product_that_do_not_exist_here_are_harmless() -> None:
    assert operations("kms:CreateWhiteBoxKey", "kms:PostQuantumCryptoSign") == set()
    assert operations("kms:*WhiteBox*") == set()
    assert operations("kms:CreateWhiteBoxKey", "kms:Encrypt") == {"Encrypt"}


def test_what_nobody_can_be_given_can_not_be_named() -> None:
    for name, operation in registry().items():
        given = operation.scope not in (Scope.OPERATOR, Scope.SYSTEM, Scope.CALLER)
        assert (name in nameable().values()) is given
    assert refused_place(action="kms:DestroyKey") == "statement[0].action"
    assert refused_place(action="kms:CreateAccount") == "statement[0].action"


@pytest.mark.parametrize(
    "action",
    [
        *("", "kms", "kms:", "name/kms:", "Encrypt", ":Encrypt", "*:*", "cos:*"),
        *("name/cos:GetObject", "name/name/kms:Encrypt", "KMS:Encrypt", "kms:Encrpyt"),
        *(" kms:Encrypt", "kms:Encrypt ", "kms:Encrypt?", "kms:.*crypt", "kms:\ud800"),
    ],
)
def test_actions_that_are_refused(action: str) -> None:
    assert refused_place(action=action) == "statement[0].action"
    assert refused_place(action=["kms:*", action]) == "statement[0].action[1]"


def test_many_stars_take_no_time() -> None:
    began = time.monotonic()
    refused_place(action="kms:" + "*e" * 2900)
    assert time.monotonic() - began < 1


# --- resources ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("resource", "reach"),
    [
        ("*", Reach()),
        ("qcs::kms:::*", Reach()),
        ("qcs::kms:*:*:*", Reach()),
        ("qcs::*:::*", Reach()),
        ("qcs::kms::uin/:key/*", Reach()),
        (f"qcs::kms::uin/{ACCOUNT}:key/*", Reach()),
        (f"{WHOLE}key/*", Reach("ap-guangzhou")),
        (f"{WHOLE}*", Reach("ap-guangzhou")),
        (f"{WHOLE}key/creatorUin/77/*", Reach("ap-guangzhou", 77)),
        (f"{WHOLE}key/creatorUin/77/{KEY}", Reach("ap-guangzhou", 77, UUID(KEY))),
        (f"{WHOLE}key/creatorUin/*/{KEY}", Reach("ap-guangzhou", None, UUID(KEY))),
        ("qcs::kms:::key/creatorUin/*/*", Reach()),
        (f"qcs::kms:::key/creatorUin/7/{KEY.upper()}", Reach("", 7, UUID(KEY))),
    ],
)
def test_resources(resource: str, reach: Reach) -> None:
    assert read(resource=resource).reaches == (reach,)
    assert read(resource=["*", resource]).reaches == (EVERYTHING[0], reach)


@pytest.mark.parametrize(
    "resource",
    [
        *("", "key/*", "qcs", "qcs::kms::", "qcs::kms:::", "QCS::kms:::*", "**"),
        *("qcs:1:kms:::*", "qcs::cos:::*", "qcs::KMS:::*", "arn:aws:kms:::*"),
        f"qcs::kms::uin/{OTHER}:key/*",
        f"qcs::kms::uin/{ACCOUNT}0:key/*",
        *("qcs::kms::uin/x:key/*", f"qcs::kms::{ACCOUNT}:key/*", "qcs::kms::root:*"),
        *("qcs::kms:ap-*:uin/:key/*", "qcs::kms:AP:uin/:*", "qcs::kms:\ud800:uin/:*"),
        *("qcs::kms:::key", "qcs::kms:::key/", "qcs::kms:::keys/*"),
        *("qcs::kms:::key/creatorUin/7", "qcs::kms:::key/creatorUin/7/"),
        *(f"qcs::kms:::key/{KEY}", f"qcs::kms:::key/creatoruin/7/{KEY}"),
        *(f"qcs::kms:::key/creatorUin/x/{KEY}", f"qcs::kms:::key/creatorUin//{KEY}"),
        *("qcs::kms:::key/creatorUin/-7/*", "qcs::kms:::key/creatorUin/7_7/*"),
        *("qcs::kms:::key/creatorUin/ 7/*", "qcs::kms:::key/creatorUin/\uff17/*"),
        "qcs::kms:::key/creatorUin/" + "9" * 19 + "/*",
        f"qcs::kms:::key/creatorUin/7/{KEY}/x",
        f"qcs::kms:::key/creatorUin/7/{KEY[:8]}*",
        f"qcs::kms:::key/creatorUin/7/{KEY.replace('-', '')}",
        f"qcs::kms:::key/creatorUin/7/{{{KEY}}}",
    ],
)
def test_resources_that_are_refused(resource: str) -> None:
    assert refused_place(resource=resource) == "statement[0].resource"
    assert refused_place(resource=["*", resource]) == "statement[0].resource[1]"


# --- conditions -----------------------------------------------------------------------
def origins(name: str, value: Any) -> tuple[Origin, ...]:
    return read(condition={name: {"qcs:ip": value}}).origins


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.121.2.10/24", "10.121.2.0/24"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
    ],
)
def test_addresses_and_networks(text: str, network: str) -> None:
    assert origins("ip_equal", text) == (Origin((ip_network(network),)),)
    assert origins("ip_not_equal", [text]) == (
        Origin((ip_network(network),), inside=False),
    )


def test_what_conditions_mean() -> None:
    (inside,) = origins("ip_equal", ["10.0.0.0/8", "192.168.0.0/16"])
    (outside,) = origins("ip_not_equal", ["10.0.0.0/8", "192.168.0.0/16"])
    for address, within in (("10.9.9.9", True), ("192.168.1.1", True), ("8.8.8.8", 0)):
        assert inside.holds(address) is bool(within)
        assert outside.holds(address) is not bool(within)
    assert not inside.holds("")
    assert not outside.holds("")
    both = {
        "ip_equal": {"qcs:ip": "10.0.0.0/8"},
        "ip_not_equal": {"qcs:ip": "10.1.1.1"},
    }
    assert [origin.inside for origin in read(condition=both).origins] == [True, False]
    assert read(condition={}).origins == ()


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        (None, ""),
        ([], ""),
        ({"string_equal": {"qcs:ip": "10.0.0.1"}}, ""),
        ({"ip_equal": {}}, ".ip_equal.qcs:ip"),
        ({"ip_equal": {"kms:tag": "x"}}, ".ip_equal.qcs:ip"),
        ({"ip_equal": {"qcs:ip": "10.0.0.1", "x": 1}}, ".ip_equal"),
        ({"ip_equal": "10.0.0.1"}, ".ip_equal"),
        ({"ip_equal": {"qcs:ip": []}}, ".ip_equal.qcs:ip"),
        ({"ip_equal": {"qcs:ip": 7}}, ".ip_equal.qcs:ip"),
        ({"ip_equal": {"qcs:ip": "10.0.0.0/33"}}, ".ip_equal.qcs:ip"),
        ({"ip_not_equal": {"qcs:ip": ["10.0.0.1", ""]}}, ".ip_not_equal.qcs:ip[1]"),
        ({"ip_equal": {"qcs:ip": "10.0.*"}}, ".ip_equal.qcs:ip"),
    ],
)
def test_conditions_that_are_refused(condition: Any, place: str) -> None:
    assert refused_place(condition=condition) == f"statement[0].condition{place}"


# --- documents ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "line 1, column 1"),
        ("{", "line 1, column 2"),
        ('{\n  "version": "2.0",\n  "statement": [,]\n}', "line 3, column 17"),
        (document(ALLOW) + "}", f"line 1, column {len(document(ALLOW)) + 1}"),
        ("[" * 5000, ""),
        ("9" * 5000, ""),
        *(("null", ""), ("[]", ""), ('"2.0"', "")),
        ("{}", "statement"),
        (json.dumps({"statement": [ALLOW]}), "version"),
        (document(ALLOW, version="1.0"), "version"),
        (document(ALLOW, version=2.0), "version"),
        (document(ALLOW, principal="x"), ""),
        (document(), "statement"),
        (json.dumps({"version": "2.0", "statement": "allow"}), "statement"),
        (document(*[{}] * 101), "statement"),
        (document(ALLOW, 7), "statement[1]"),
        (document(ALLOW | {"sid": "1"}), "statement[0]"),
        (document({"effect": "allow", "action": "*"}), "statement[0].resource"),
        (document({"effect": "allow", "resource": "*"}), "statement[0].action"),
        (document({"action": "*", "resource": "*"}), "statement[0].effect"),
        (document(ALLOW | {"effect": "Allow"}), "statement[0].effect"),
        (document(ALLOW | {"effect": ["allow"]}), "statement[0].effect"),
        (document(ALLOW | {"action": []}), "statement[0].action"),
        (document(ALLOW | {"action": {}}), "statement[0].action"),
        (document(ALLOW | {"action": ["*", 7]}), "statement[0].action[1]"),
        (document(ALLOW | {"resource": ["*"] * 201}), "statement[0].resource"),
        (document(ALLOW) + " " * LONGEST_DOCUMENT, ""),
    ],
)
def test_documents_that_are_refused(text: str, place: str) -> None:
    found, why = refusal(text)
    assert found == place
    assert why.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        '{"version":"2.0","version":"2.0","statement":[]}',
        '{"version":"2.0","statement":{"effect":"deny","effect":"allow"}}',
    ],
)
def test_a_name_that_stands_twice_is_refused_as_such(text: str) -> None:
    place, why = refusal(text)
    assert place == ""
    assert "twice" in why


def test_the_longest_document() -> None:
    text = document(ALLOW)
    assert parse(text + " " * (LONGEST_DOCUMENT - len(text)), ACCOUNT)


def test_refusals_repeat_nothing_of_the_document() -> None:
    for text in (document(ALLOW | {"hunter2": 1}), document(hunter2=1), "hunter2"):
        assert "hunter2" not in " ".join(refusal(text))


# --- predefined policies --------------------------------------------------------------
def predefined(name: str) -> frozenset[str]:
    (statement,) = parse(PREDEFINED[name].document, ACCOUNT)
    assert statement.allow
    assert statement.reaches == EVERYTHING
    return statement.operations


def test_full_access_is_everything_people_included() -> None:
    (statement,) = parse(PREDEFINED["QcloudKMSFullAccess"].document, ACCOUNT)
    assert statement.full


def test_reading_uses_and_changes_nothing() -> None:
    given = predefined("QcloudKMSReadOnlyAccess")
    assert {"DescribeKey", "GetKeyRotationStatus", "GetServiceStatus"} <= given
    used: set[type[Operation]] = {o.Encrypt, o.Decrypt, o.CreateKey, o.DisableKey}
    assert not {operation.__name__ for operation in used} & given
    for name in given - {"GetPublicKey"}:
        assert registry()[name].effect == "read", name
