"""Operations on accounts, people, groups, policies and access keys."""

from accessctl.operations.accounts import CreateAccount, first_account
from accessctl.operations.attachments import AttachPolicy, DetachPolicy
from accessctl.operations.directory import (
    DescribeGroup,
    DescribeSubAccount,
    ListGroups,
    ListSubAccounts,
)
from accessctl.operations.groups import (
    AddGroupMembers,
    CreateGroup,
    DeleteGroup,
    RemoveGroupMembers,
    UpdateGroup,
)
from accessctl.operations.people import CreateAccessKey, SignIn
from accessctl.operations.policies import CreatePolicy, DeletePolicy, UpdatePolicy
from accessctl.operations.policy_reading import DescribePolicy, ListPolicies
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
)

__all__ = [
    "OPERATIONS",
    "AddGroupMembers",
    "AttachPolicy",
    "CreateAccessKey",
    "CreateAccount",
    "CreateGroup",
    "CreatePolicy",
    "CreateSubAccount",
    "DeleteGroup",
    "DeletePolicy",
    "DeleteSubAccount",
    "DescribeGroup",
    "DescribePolicy",
    "DescribeSubAccount",
    "DetachPolicy",
    "DisableSubAccount",
    "EnableSubAccount",
    "EndSubAccountSessions",
    "ListGroups",
    "ListPolicies",
    "ListSubAccounts",
    "RemoveGroupMembers",
    "ResetFactors",
    "ResetPassword",
    "SignIn",
    "UpdateGroup",
    "UpdatePolicy",
    "UpdateSubAccount",
    "first_account",
]
