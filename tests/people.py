"""Accounts, sub-accounts, groups and policies for tests, made by their operations."""

import json
from typing import Any

from accessctl.credentials import principal_of
from accessctl.models import Account, User
from accessctl.operations import (
    AddGroupMembers,
    AttachPolicy,
    CreateGroup,
    CreatePolicy,
    CreateSubAccount,
)
from kmsconsole.principals import Principal
from tests.personas import ACCOUNT, FOREIGN_ACCOUNT, FOREIGN_ROOT, ROOT, execute

PASSWORD = "correct-horse-battery"
DOCUMENT = json.dumps(
    {
        "version": "2.0",
        "statement": [{"effect": "allow", "action": "kms:Encrypt", "resource": "*"}],
    }
)
ROOTS = {ACCOUNT: ROOT, FOREIGN_ACCOUNT: FOREIGN_ROOT}


def accounts() -> None:
    """Make two main accounts; the second has people, groups and policies."""
    for uin in ROOTS:
        # As CreateAccount does, but for the password: hashing takes most of the time.
        account = Account.objects.create(uin=uin, name="main")
        User.objects.create(uin=uin, account=account, name="admin", is_root=True)
    furnish(FOREIGN_ACCOUNT, "foreign")


def furnish(account: int, name: str) -> None:
    """Make a sub-account, a group with it and a policy on both, all of one name."""
    sub_account(name, account)
    group(name, name, account=account)
    policy(name, account=account)
    data = {"PolicyName": name, "Users": [name], "Groups": [name]}
    execute(AttachPolicy, ROOTS[account], **data)


def sub_account(name: str, account: int = ACCOUNT, **more: Any) -> User:
    """Make a sub-account, who has chosen a password of their own since."""
    made = execute(CreateSubAccount, ROOTS[account], Name=name, **more).output
    User.objects.filter(uin=made["Uin"]).update(must_change_password=False)
    return User.objects.get(uin=made["Uin"])


def group(name: str, *users: str, account: int = ACCOUNT) -> None:
    """Make a group with these members."""
    execute(CreateGroup, ROOTS[account], Name=name)
    if users:
        data = {"GroupName": name, "Users": list(users)}
        execute(AddGroupMembers, ROOTS[account], **data)


def policy(name: str, document: str = DOCUMENT, account: int = ACCOUNT) -> None:
    """Make a policy."""
    execute(CreatePolicy, ROOTS[account], Name=name, Document=document)


def full_access(name: str = "deputy") -> Principal:
    """Make a sub-account that may do what root may, and return it as a principal."""
    user = sub_account(name, Console=True, Password=PASSWORD)
    data = {"PolicyName": "QcloudKMSFullAccess", "Users": [name]}
    execute(AttachPolicy, ROOT, **data)
    return principal_of(user)
