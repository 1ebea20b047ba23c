"""Reading policies, in a list and one by one."""

from typing import Any, Literal

from accessctl.models import Policy, PolicyAttachment
from accessctl.operations.base import PageInput, page_of
from accessctl.operations.directory import containing, number_of
from accessctl.operations.policies import (
    OnePolicyOperation,
    PolicyInput,
    PolicyOperation,
)
from accessctl.predefined import PREDEFINED, PredefinedPolicy
from kmsconsole.operations import Effect


class ListPoliciesInput(PageInput):
    """Whose policies: the account's own, the predefined ones, or both."""

    kind: Literal["own", "predefined", ""] = ""


class ListPolicies(PolicyOperation):
    """Predefined policies, then one page of the account's own, by name."""

    effect = Effect.READ
    Input = ListPoliciesInput

    def perform(self, data: ListPoliciesInput) -> dict[str, Any]:
        """Return rows and where to go on; predefined ones stand on the first page."""
        found = Policy.objects.filter(
            containing(data.words), account_id=self.call.principal.account_uin
        ).annotate(holders_number=number_of(PolicyAttachment.objects.all(), "policy"))
        if data.kind == "predefined":
            found = found.none()
        page = page_of(found, data)
        first = not data.after and not page.before and data.kind != "own"
        own = [
            _policy(policy) | {"Holders": policy.holders_number} for policy in page.rows
        ]
        given = _matching(data.words) if data.kind != "own" else []
        answer = {"Policies": [*(self._given(given) if first else []), *own]}
        return answer | page.wire() | {"Total": page.total + len(given)}

    def _given(self, policies: list[PredefinedPolicy]) -> list[dict[str, Any]]:
        numbers: dict[str, int] = {}
        for policy in policies:
            self.own, self.predefined = None, policy
            numbers[policy.name] = self.attachments().count()
        return [
            _predefined(policy) | {"Holders": numbers[policy.name]}
            for policy in policies
        ]


def _matching(words: str) -> list[PredefinedPolicy]:
    low = words.lower()
    return [
        policy
        for policy in PREDEFINED.values()
        if low in policy.name.lower() or low in str(policy.about).lower()
    ]


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "Predefined": False,
        "Remark": policy.remark,
        "UpdatedAt": policy.updated_at,
    }


def _predefined(policy: PredefinedPolicy) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "Predefined": True,
        "Remark": str(policy.about),
        "UpdatedAt": None,
    }


class DescribePolicy(OnePolicyOperation):
    """One policy: its document, and who has it."""

    effect = Effect.READ

    def check(self, data: PolicyInput) -> None:
        """Refuse an unknown name."""
        self.refuse_unknown()

    def perform(self, data: PolicyInput) -> dict[str, Any]:
        """Return all there is to show of it."""
        held = self.attachments().select_related("user", "group")
        users = [row.user.name for row in held if row.user]
        groups = [row.group.name for row in held if row.group]
        policy, given = self.own, self.predefined
        about = _policy(policy) if policy else {}
        about = _predefined(given) if given else about
        document = given.document if given else policy.document if policy else ""
        return about | {
            "Document": document,
            "Revision": policy.revision if policy and not given else 0,
            "Users": sorted(users, key=str.lower),
            "Groups": sorted(groups, key=str.lower),
        }
