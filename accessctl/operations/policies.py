"""Policies: documents in the policy language."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from django.db.models import Q
from pydantic import Field

from accessctl.errors import (
    InvalidPolicy,
    LimitReached,
    NameTaken,
    PolicyChanged,
    PolicyIsPredefined,
    PolicyNotFound,
)
from accessctl.models import Group, Policy, PolicyAttachment, User
from accessctl.operations.base import (
    AdministrationOperation,
    Known,
    Name,
    Remark,
)
from accessctl.operations.groups import members_of
from accessctl.policy_language import PolicyRefused, parse
from accessctl.predefined import PREDEFINED, PredefinedPolicy
from kmsconsole import clock
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect

MOST_POLICIES = 1500
# Longer ones are refused by the language, which says so.
_LONGEST_SENT = 20_000

Document = Annotated[str, Field(max_length=_LONGEST_SENT)]
PREDEFINED_BY_NAME = {name.lower(): policy for name, policy in PREDEFINED.items()}


class CreatePolicyInput(OperationInput):
    """A document, and a name that neither the account nor the service uses."""

    name: Name
    document: Document
    remark: Remark = ""


class PolicyOperation(AdministrationOperation):
    """Something with one policy: the account's own, or a predefined one."""

    effect: ClassVar[Effect] = Effect.CHANGE

    own: Policy | None
    predefined: PredefinedPolicy | None

    def find_policy(self, name: str) -> None:
        """Note which policy it is."""
        self.predefined = PREDEFINED_BY_NAME.get(name.lower())
        self.own = self.by_names(Policy.objects.all(), [name])[0]

    def refuse_unknown(self) -> None:
        """Refuse a name without a policy."""
        if self.own is None and self.predefined is None:
            raise PolicyNotFound("PolicyName")

    def own_policy(self) -> Policy:
        """Return the account's own policy; refuses an unknown or predefined one."""
        self.refuse_unknown()
        if self.own is None:
            raise PolicyIsPredefined("PolicyName")
        return self.own

    def attachments(self) -> Any:
        """Return where in this account the policy is attached."""
        if self.own is not None:
            return PolicyAttachment.objects.filter(policy=self.own)
        account = self.call.principal.account_uin
        return PolicyAttachment.objects.filter(
            Q(user__account_id=account) | Q(group__account_id=account),
            predefined=self.predefined.name if self.predefined else "",
        )

    def refuse_bad(self, document: str) -> None:
        """Refuse a document that the language doesn't understand."""
        try:
            parse(document, self.call.principal.account_uin)
        except PolicyRefused as refused:
            place = refused.place or "{ }"
            raise InvalidPolicy("Document", place=place, reason=refused.why) from None

    def refuse_holders(self) -> None:
        """Refuse callers whom the policy holds for."""
        held = self.attachments()
        groups = Group.objects.filter(attachments__in=held)
        users = User.objects.filter(attachments__in=held)
        self.refuse_own([*users.values_list("uin", flat=True), *members_of(groups)])


class CreatePolicy(PolicyOperation):
    """Store a policy; it does nothing until it is attached to somebody."""

    audited_fields = ("name", "remark", "document")
    Input = CreatePolicyInput

    def check(self, data: CreatePolicyInput) -> None:
        """Refuse a bad document, a name in use and one policy too many."""
        account = self.account()
        self.find_policy(data.name)
        if self.own or self.predefined:
            raise NameTaken("Name")
        if Policy.objects.filter(account=account).count() >= MOST_POLICIES:
            raise LimitReached(most=MOST_POLICIES)
        self.refuse_bad(data.document)

    def perform(self, data: CreatePolicyInput) -> dict[str, Any]:
        """Store the document as it was sent."""
        moment = clock.now()
        policy = Policy.objects.create(
            account_id=self.call.principal.account_uin,
            name=data.name,
            remark=data.remark,
            document=data.document,
            created_at=moment,
            updated_at=moment,
        )
        return {"PolicyName": policy.name, "Revision": policy.revision}


class PolicyInput(OperationInput):
    """One policy."""

    policy_name: Known


class OnePolicyOperation(PolicyOperation):
    """Something with a policy that is there."""

    audited_fields: ClassVar[tuple[str, ...]] = ("policy_name",)
    Input: ClassVar[type[OperationInput]] = PolicyInput

    def locate(self, data: Any) -> Sequence[Any]:
        """Find and lock the policy; a predefined one is no row."""
        self.find_policy(data.policy_name)
        return [] if self.predefined else [self.own]


class UpdatePolicyInput(PolicyInput):
    """What shall be otherwise; what is left out stays."""

    document: Document | None = None
    remark: Remark | None = None
    expected_revision: WholeNumber | None = None


class UpdatePolicy(OnePolicyOperation):
    """Change a policy's document: it holds at once for everybody who has it."""

    step_up = True
    audited_fields = ("policy_name", "remark", "document")
    Input = UpdatePolicyInput

    def check(self, data: UpdatePolicyInput) -> None:
        """Refuse those it holds for, a stale revision and a bad document."""
        policy = self.own_policy()
        self.refuse_holders()
        if data.expected_revision not in (None, policy.revision):
            raise PolicyChanged
        if data.document is not None:
            self.refuse_bad(data.document)

    def perform(self, data: UpdatePolicyInput) -> dict[str, Any]:
        """Store it and count the change."""
        policy = self.own_policy()
        if data.document is not None:
            policy.document = data.document
        policy.remark = policy.remark if data.remark is None else data.remark
        policy.revision += 1
        policy.updated_at = clock.now()
        policy.save()
        return {"PolicyName": policy.name, "Revision": policy.revision}


class DeletePolicy(OnePolicyOperation):
    """Delete a policy: what it allowed or denied ends at once."""

    step_up = True

    def check(self, data: Any) -> None:
        """Refuse a predefined one, and those it holds for."""
        self.own_policy()
        self.refuse_holders()

    def perform(self, data: Any) -> dict[str, Any]:
        """Delete it with its attachments; the event keeps what it said."""
        policy = self.own_policy()
        held = policy.attachments
        self.details |= {
            "Document": policy.document,
            "Users": list(held.exclude(user=None).values_list("user__name", flat=True)),
            "Groups": list(
                held.exclude(group=None).values_list("group__name", flat=True)
            ),
        }
        policy.delete()
        return {}
