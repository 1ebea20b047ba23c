"""Operations on accounts, people and access keys."""

from accessctl.operations.accounts import CreateAccount, first_account
from accessctl.operations.explaining import (
    ExplainAccess,
    ListKeyAccess,
    ListKeyHolders,
)
from accessctl.operations.grants import GrantAccess, PreviewAccess, RevokeAccess
from accessctl.operations.people import (
    CreateAccessKey,
    ResetFactors,
    ResetPassword,
    SignIn,
)
from accessctl.operations.refusals import ExplainOwnAccess, RecallEvent
from accessctl.operations.requests import (
    DecideAccessRequest,
    DescribeAccessRequest,
    ListAccessRequests,
    RequestAccess,
    WithdrawAccessRequest,
)
from accessctl.operations.rights import ListGrantees, ListRights
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
    ListKeyHolders,
    PreviewAccess,
    ListRights,
    ListGrantees,
    ExplainOwnAccess,
    RecallEvent,
    RequestAccess,
    WithdrawAccessRequest,
    ListAccessRequests,
    DescribeAccessRequest,
    DecideAccessRequest,
)

__all__ = [
    "OPERATIONS",
    "CreateAccessKey",
    "CreateAccount",
    "DecideAccessRequest",
    "DescribeAccessRequest",
    "ExplainAccess",
    "ExplainOwnAccess",
    "GrantAccess",
    "ListAccessRequests",
    "ListGrantees",
    "ListKeyAccess",
    "ListKeyHolders",
    "ListRights",
    "PreviewAccess",
    "RecallEvent",
    "RequestAccess",
    "ResetFactors",
    "ResetPassword",
    "RevokeAccess",
    "SignIn",
    "WithdrawAccessRequest",
    "first_account",
]
