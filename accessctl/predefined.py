"""Policies that every account has, by name."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class PredefinedPolicy:
    """A policy whose document nobody can change."""

    name: str
    about: "StrOrPromise"
    document: str


def _document(*actions: str) -> str:
    statement: dict[str, Any] = {
        "effect": "allow",
        "action": [f"name/kms:{action}" for action in actions],
        "resource": "*",
    }
    return json.dumps({"version": "2.0", "statement": [statement]}, indent=2)


PREDEFINED = {
    policy.name: policy
    for policy in (
        PredefinedPolicy(
            "QcloudKMSFullAccess",
            _("Everything, people and policies included."),
            _document("*"),
        ),
        PredefinedPolicy(
            "QcloudKMSReadOnlyAccess",
            _("Sees keys, their usage and the settings; changes and uses nothing."),
            _document("Describe*", "List*", "Get*Status", "GetRegions", "GetPublicKey"),
        ),
    )
}
