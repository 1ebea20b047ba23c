"""The one place that decides who may do what."""

from typing import Any

from kmsconsole.operations import Operation
from kmsconsole.principals import Decision, Kind, Principal

_ROOT = Decision(
    allowed=True,
    rule="root",
    text="The root user of an account may do everything in it.",
)
_OPERATOR = Decision(
    allowed=True,
    rule="operator",
    text="The operator of the installation may run this operation.",
)
_NOT_OPERATOR = Decision(
    allowed=False,
    rule="operator-only",
    text="Only the operator of the installation may do this.",
)
_SYSTEM = Decision(
    allowed=True, rule="system", text="The service itself does this when it is due."
)
_NOT_SYSTEM = Decision(
    allowed=False, rule="system-only", text="Only the service itself does this."
)
_FOREIGN = Decision(
    allowed=False, rule="other-account", text="The resource belongs to another account."
)
_ONESELF = Decision(
    allowed=True, rule="oneself", text="Everybody may do this for themselves."
)
_NOTHING = Decision(
    allowed=False, rule="no-grant", text="Nothing grants this operation."
)


def decide(principal: Principal, operation: type[Operation], resource: Any) -> Decision:
    """Decide on one resource; None stands for one that doesn't exist."""
    if operation.by_operator:
        return _OPERATOR if principal.kind is Kind.OPERATOR else _NOT_OPERATOR
    if operation.by_system:
        return _SYSTEM if principal.kind is Kind.SYSTEM else _NOT_SYSTEM
    if resource is not None and resource.account_uin != principal.account_uin:
        return _FOREIGN
    if principal.kind is Kind.ROOT:
        return _ROOT
    return _ONESELF if operation.concerns_caller_only else _NOTHING


def visible(principal: Principal, operation: type[Operation], resources: Any) -> Any:
    """Narrow a queryset to what the principal may do `operation` on."""
    if principal.kind is not Kind.ROOT:
        return resources.none()
    return resources.filter(account_uin=principal.account_uin)


def sees_all(principal: Principal, operation: type[Operation]) -> bool:
    """Say whether `visible` leaves out nothing of the principal's account."""
    return principal.kind is Kind.ROOT
