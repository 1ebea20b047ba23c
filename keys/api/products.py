"""Requests of cloud products: whom they are for, and with which key.

A product's credential belongs to no account. Its request names one in
`MemberAccount.MemberUin`, which the signature covers like every parameter. Without a
KeyId it means the key that the product owns there, which its first call makes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keys.errors import AliasAlreadyExists
from keys.models import CustomerMasterKey
from keys.operations import CreateCloudKey
from kmsconsole.errors import MissingParameter, UnauthorizedOperation, WrongType
from kmsconsole.operations import Operation
from kmsconsole.principals import Call

_MEMBER, _UIN = "MemberAccount", "MemberUin"
_WITH_OWN_KEY = frozenset({"Encrypt", "GenerateDataKey", "DescribeKey"})
_LONGEST_UIN = 18


def acting(
    call: Call, operation: type[Operation], parameters: Mapping[str, Any]
) -> tuple[Call, dict[str, Any]]:
    """Return the call in the account it is for, and the parameters without that."""
    rest = dict(parameters)
    uin = _uin(rest.pop(_MEMBER, None))
    call = replace(call, principal=replace(call.principal, account_uin=uin))
    if operation.__name__ in _WITH_OWN_KEY and not rest.get("KeyId"):
        rest["KeyId"] = _own_key(call)
    return call, rest


def _uin(member: Any) -> int:
    name = f"{_MEMBER}.{_UIN}"
    if member is None:
        raise MissingParameter(name)
    number = member.get(_UIN) if isinstance(member, dict) else None
    if isinstance(number, str) and number.isascii() and number.isdigit():
        number = int(number) if len(number) <= _LONGEST_UIN else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise WrongType(name)
    if not 0 < number < 10**_LONGEST_UIN:
        raise UnauthorizedOperation(operation="MemberAccount")
    return number


def _own_key(call: Call) -> str:
    who = call.principal
    own = CustomerMasterKey.objects.in_region(who.account_uin, call.region).filter(
        owner=who.name
    )
    found = own.values_list("id", flat=True).first()
    if found is not None:
        return str(found)
    # The signature is this request's: making the key is no replay of it.
    making = replace(call, signature_hash=None)
    try:
        made = CreateCloudKey.execute(making, {"Product": who.name})
    except AliasAlreadyExists:
        # Another request of the product was first by a moment.
        return str(own.values_list("id", flat=True).get())
    return str(made.output["KeyId"])
