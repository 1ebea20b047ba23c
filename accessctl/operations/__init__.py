"""Operations on accounts, people and access keys."""

from accessctl.operations.access_keys import (
    CreateAccessKey,
    DeleteAccessKey,
    ListAccessKeys,
    UpdateAccessKey,
)
from accessctl.operations.accounts import CreateAccount, first_account
from accessctl.operations.explaining import ExplainAccess, ListKeyAccess
from accessctl.operations.grants import GrantAccess, RevokeAccess
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
    GrantAccess,
    RevokeAccess,
    ExplainAccess,
    ListKeyAccess,
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
    "ExplainAccess",
    "GrantAccess",
    "ListAccessKeys",
    "ListKeyAccess",
    "ListSessions",
    "RemoveFactor",
    "ResetFactors",
    "ResetPassword",
    "RevokeAccess",
    "SignIn",
    "UpdateAccessKey",
    "UpdateAccountSettings",
    "first_account",
]
