"""What access control keeps: identities, groups, grants, policies, requests."""

from accessctl.models.grants import (
    GrantBase,
    GroupAccountGrant,
    GroupKeyGrant,
    UserAccountGrant,
    UserKeyGrant,
)
from accessctl.models.groups import Group, Membership
from accessctl.models.identities import (
    FIRST_ACCOUNT_UIN,
    AccessKey,
    Account,
    User,
)
from accessctl.models.policies import Policy, PolicyAttachment
from accessctl.models.products import Product, ProductCredential
from accessctl.models.requests import AccessRequest

__all__ = [
    "FIRST_ACCOUNT_UIN",
    "AccessKey",
    "AccessRequest",
    "Account",
    "GrantBase",
    "Group",
    "GroupAccountGrant",
    "GroupKeyGrant",
    "Membership",
    "Policy",
    "PolicyAttachment",
    "Product",
    "ProductCredential",
    "User",
    "UserAccountGrant",
    "UserKeyGrant",
]
