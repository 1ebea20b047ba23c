"""Operations on accounts, people, groups, rights, policies and access keys."""

from accessctl.operations.access_keys import (
    CreateAccessKey,
    DeleteAccessKey,
    ListAccessKeys,
    UpdateAccessKey,
)
from accessctl.operations.accounts import (
    CreateAccount,
    first_account,
)
from accessctl.operations.attachments import (
    AttachPolicy,
    DetachPolicy,
)
from accessctl.operations.directory import (
    DescribeGroup,
    DescribeSubAccount,
    ListGroups,
    ListSubAccounts,
)
from accessctl.operations.endings import EndAccess
from accessctl.operations.events import (
    DescribeEvent,
    ExportEvents,
    ListEvents,
)
from accessctl.operations.explaining import (
    ExplainAccess,
    ListKeyAccess,
    ListKeyHolders,
)
from accessctl.operations.grants import (
    GrantAccess,
    PreviewAccess,
    RevokeAccess,
)
from accessctl.operations.groups import (
    AddGroupMembers,
    CreateGroup,
    DeleteGroup,
    RemoveGroupMembers,
    UpdateGroup,
)
from accessctl.operations.oneself import (
    AddFactor,
    ChangePassword,
    EndSessions,
    ListSessions,
    RemoveFactor,
    RenameFactor,
    SignIn,
)
from accessctl.operations.policies import (
    CreatePolicy,
    DeletePolicy,
    UpdatePolicy,
)
from accessctl.operations.policy_reading import (
    DescribePolicy,
    ListPolicies,
)
from accessctl.operations.products import PRODUCT_OPERATIONS, ListProducts
from accessctl.operations.refusals import (
    ExplainOwnAccess,
    RecallEvent,
)
from accessctl.operations.requests import (
    DecideAccessRequest,
    DescribeAccessRequest,
    ListAccessRequests,
    RequestAccess,
    WithdrawAccessRequest,
)
from accessctl.operations.rights import (
    ListGrantees,
    ListRights,
)
from accessctl.operations.settings import (
    DescribeAccountSettings,
    UpdateAccountSettings,
)
from accessctl.operations.sub_accounts import (
    CreateSubAccount,
    DeleteSubAccount,
    DisableSubAccount,
    EnableSubAccount,
    EndSubAccountSessions,
    ResetFactors,
    ResetPassword,
    UpdateSubAccount,
)
from kmsconsole.operations import Operation

OPERATIONS: tuple[type[Operation], ...] = (
    CreateAccount,
    CreateAccessKey,
    ResetPassword,
    ResetFactors,
    SignIn,
    CreateSubAccount,
    UpdateSubAccount,
    DisableSubAccount,
    EnableSubAccount,
    DeleteSubAccount,
    EndSubAccountSessions,
    ListSubAccounts,
    DescribeSubAccount,
    CreateGroup,
    UpdateGroup,
    DeleteGroup,
    AddGroupMembers,
    RemoveGroupMembers,
    ListGroups,
    DescribeGroup,
    CreatePolicy,
    UpdatePolicy,
    DeletePolicy,
    AttachPolicy,
    DetachPolicy,
    ListPolicies,
    DescribePolicy,
    ListAccessKeys,
    UpdateAccessKey,
    DeleteAccessKey,
    ChangePassword,
    AddFactor,
    RemoveFactor,
    RenameFactor,
    ListSessions,
    EndSessions,
    DescribeAccountSettings,
    UpdateAccountSettings,
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
    ListEvents,
    DescribeEvent,
    ExportEvents,
    *PRODUCT_OPERATIONS,
)

# The scheduler's own: nobody is granted them, no address leads there.
SYSTEM_OPERATIONS: tuple[type[Operation], ...] = (EndAccess,)

__all__ = [
    "OPERATIONS",
    "SYSTEM_OPERATIONS",
    "AddFactor",
    "AddGroupMembers",
    "AttachPolicy",
    "ChangePassword",
    "CreateAccessKey",
    "CreateAccount",
    "CreateGroup",
    "CreatePolicy",
    "CreateSubAccount",
    "DecideAccessRequest",
    "DeleteAccessKey",
    "DeleteGroup",
    "DeletePolicy",
    "DeleteSubAccount",
    "DescribeAccessRequest",
    "DescribeAccountSettings",
    "DescribeEvent",
    "DescribeGroup",
    "DescribePolicy",
    "DescribeSubAccount",
    "DetachPolicy",
    "DisableSubAccount",
    "EnableSubAccount",
    "EndAccess",
    "EndSessions",
    "EndSubAccountSessions",
    "ExplainAccess",
    "ExplainOwnAccess",
    "ExportEvents",
    "GrantAccess",
    "ListAccessKeys",
    "ListAccessRequests",
    "ListEvents",
    "ListGrantees",
    "ListGroups",
    "ListKeyAccess",
    "ListKeyHolders",
    "ListPolicies",
    "ListProducts",
    "ListRights",
    "ListSessions",
    "ListSubAccounts",
    "PreviewAccess",
    "RecallEvent",
    "RemoveFactor",
    "RemoveGroupMembers",
    "RenameFactor",
    "RequestAccess",
    "ResetFactors",
    "ResetPassword",
    "RevokeAccess",
    "SignIn",
    "UpdateAccessKey",
    "UpdateAccountSettings",
    "UpdateGroup",
    "UpdatePolicy",
    "UpdateSubAccount",
    "WithdrawAccessRequest",
    "first_account",
]
