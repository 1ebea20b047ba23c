"""Operations on accounts, people and access keys."""

from accessctl.operations.accounts import CreateAccount, first_account
from accessctl.operations.explaining import ExplainAccess, ListKeyAccess
from accessctl.operations.grants import GrantAccess, RevokeAccess
from accessctl.operations.people import (
    CreateAccessKey,
    ResetFactors,
    ResetPassword,
    SignIn,
)
from kmsconsole.operations import Operation

OPERATIONS: tuple[type[Operation], ...] = (
    CreateAccount,
    CreateAccessKey,
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
    "CreateAccessKey",
    "CreateAccount",
    "ExplainAccess",
    "GrantAccess",
    "ListKeyAccess",
    "ResetFactors",
    "ResetPassword",
    "RevokeAccess",
    "SignIn",
    "first_account",
]
