"""Operations on accounts, people and access keys."""

from accessctl.operations.access_keys import (
    CreateAccessKey,
    DeleteAccessKey,
    ListAccessKeys,
    UpdateAccessKey,
)
from accessctl.operations.accounts import CreateAccount, first_account
from accessctl.operations.oneself import (
    AddFactor,
    ChangePassword,
    EndSessions,
    ListSessions,
    RemoveFactor,
)
from accessctl.operations.people import ResetFactors, ResetPassword, SignIn
from accessctl.operations.settings import (
    DescribeAccountSettings,
    UpdateAccountSettings,
)
from kmsconsole.operations import Operation

OPERATIONS: tuple[type[Operation], ...] = (
    CreateAccount,
    CreateAccessKey,
    ListAccessKeys,
    UpdateAccessKey,
    DeleteAccessKey,
    ChangePassword,
    AddFactor,
    RemoveFactor,
    ListSessions,
    EndSessions,
    DescribeAccountSettings,
    UpdateAccountSettings,
    ResetPassword,
    ResetFactors,
    SignIn,
)

__all__ = [
    "OPERATIONS",
    "AddFactor",
    "ChangePassword",
    "CreateAccessKey",
    "CreateAccount",
    "DeleteAccessKey",
    "DescribeAccountSettings",
    "EndSessions",
    "ListAccessKeys",
    "ListSessions",
    "RemoveFactor",
    "ResetFactors",
    "ResetPassword",
    "SignIn",
    "UpdateAccessKey",
    "UpdateAccountSettings",
    "first_account",
]
