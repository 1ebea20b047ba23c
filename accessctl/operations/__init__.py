"""Operations on accounts, people and access keys."""

from accessctl.operations.accounts import CreateAccount, first_account
from accessctl.operations.events import DescribeEvent, ExportEvents, ListEvents
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
    ListEvents,
    DescribeEvent,
    ExportEvents,
)

__all__ = [
    "OPERATIONS",
    "CreateAccessKey",
    "CreateAccount",
    "DescribeEvent",
    "ExportEvents",
    "ListEvents",
    "ResetFactors",
    "ResetPassword",
    "SignIn",
    "first_account",
]
