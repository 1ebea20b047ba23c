"""The one place that decides who may do what: explicit deny, then allow, then nothing.

`decide`, `visible` and `holders` answer from the same rules (accessctl/rules.py), so
that button, list, refusal and explanation agree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from accessctl import products, rulebook
from accessctl.models import User
from accessctl.rules import Question, Reach, Rule, Verdict, judge
from kmsconsole import clock, statements
from kmsconsole.operations import Operation, Scope
from kmsconsole.principals import Call, Decision, Kind

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
_NOT_FOR_OPERATOR = Decision(
    allowed=False,
    rule="not-for-operator",
    text="The operator runs the installation and uses no keys.",
)
_SYSTEM = Decision(
    allowed=True, rule="system", text="The service itself does this when it is due."
)
_NOT_SYSTEM = Decision(
    allowed=False, rule="system-only", text="Only the service itself does this."
)
_PRODUCT = Decision(
    allowed=True,
    rule="product",
    text="A cloud product uses its own key, and keys that were bound to it.",
)
_NOT_PRODUCT = Decision(
    allowed=False,
    rule="not-for-product",
    text="A cloud product may do nothing but use its own and bound keys.",
)
_FOREIGN = Decision(
    allowed=False, rule="other-account", text="The resource belongs to another account."
)
_ONESELF = Decision(
    allowed=True, rule="oneself", text="Everybody may do this for themselves."
)
_LISTING = Decision(
    allowed=True,
    rule="listing",
    text="Everybody may list; the answer holds what they may see.",
)
_NOTHING = Decision(
    allowed=False, rule="no-grant", text="Nothing grants this operation."
)
_LONGEST_TEXT = 255
# Scopes that are one kind's alone, and the two answers.
_RESERVED = {
    Scope.SYSTEM: (Kind.SYSTEM, _SYSTEM, _NOT_SYSTEM),
    Scope.OPERATOR: (Kind.OPERATOR, _OPERATOR, _NOT_OPERATOR),
}


def decide(call: Call, operation: type[Operation], resource: Any) -> Decision:
    """Decide on one resource; None stands for one that doesn't exist."""
    if call.principal.kind is Kind.PRODUCT:
        return _PRODUCT if products.allows(call, operation, resource) else _NOT_PRODUCT
    settled = _settled(call, operation, resource)
    if settled is not None:
        return settled
    question = question_of(call, operation, resource)
    rules = call.gathered
    if rules is None:
        rules = gather(call, [question.key])
    return decision_of(judge(rules, question))


def questions(uin: int, key_id: UUID) -> Sequence[statements.Question]:
    """Return what `gather` will read for a sub-account and a key, to be read ahead."""
    return rulebook.questions(uin, (key_id,))


def gather(call: Call, resources: Iterable[Any]) -> rulebook.Rules:
    """Read the caller's rules on the account and on these keys, in two queries."""
    if call.principal.kind is not Kind.SUB:
        return ()
    # Rights are given on keys alone; people and groups are the account's.
    ids = (getattr(each, "id", None) for each in resources)
    keys = [number for number in ids if isinstance(number, UUID)]
    return rulebook.rules_of(call.principal.uin, keys)


def question_of(call: Call, operation: type[Operation], resource: Any) -> Question:
    """Return what rules are asked; other resources than keys are the account's."""
    key = resource if operation.scope is Scope.KEY else None
    return Question(operation, key, call.region, call.source_address, clock.now())


def _settled(call: Call, operation: type[Operation], resource: Any) -> Decision | None:
    """Decide what no rule can change; None where rules have the word."""
    who = call.principal
    if operation.scope in _RESERVED:
        kind, yes, no = _RESERVED[operation.scope]
        return yes if who.kind is kind else no
    if resource is not None and resource.account_uin != who.account_uin:
        return _FOREIGN
    if who.kind is Kind.SUB:
        return _ONESELF if _about_oneself(call, operation, resource) else None
    if who.kind is Kind.OPERATOR:
        may = operation.scope is Scope.ADMINISTRATION or operation.for_operator
        return _OPERATOR if may else _NOT_FOR_OPERATOR
    return _ROOT if who.kind is Kind.ROOT else _NOTHING


def _about_oneself(call: Call, operation: type[Operation], resource: Any) -> bool:
    if operation.scope is Scope.CALLER:
        return True
    own = resource is not None and call.principal.uin == getattr(resource, "uin", None)
    return own and operation.for_oneself


def decision_of(verdict: Verdict) -> Decision:
    """Return the verdict as events and pages have it."""
    rule = verdict.rule
    if rule is None:
        return _LISTING if verdict.allowed else _NOTHING
    word = "Allowed" if verdict.allowed else "Denied"
    text = f"{word} by {rule.source}."[:_LONGEST_TEXT]
    return Decision(verdict.allowed, rule.source.name, text)


def visible(call: Call, operation: type[Operation], resources: Any) -> Any:
    """Narrow a queryset of keys to those the caller may do `operation` on."""
    who = call.principal
    resources = resources.filter(account_uin=who.account_uin)
    if who.kind is Kind.ROOT:
        return resources
    if who.kind is not Kind.SUB:
        return resources.none()
    allows, denies = _reaching(call, operation)
    if Reach() not in allows:
        keys = rulebook.granted_on_key(who.uin, operation.needs())
        queries = (reach.query() for reach in allows)
        resources = resources.filter(reduce(or_, queries, keys))
    if denies:
        resources = resources.exclude(reduce(or_, (d.query() for d in denies)))
    return resources


def _reaching(
    call: Call, operation: type[Operation]
) -> tuple[list[Reach], list[Reach]]:
    """Return what rules that aren't grants on single keys allow and deny."""
    allows: list[Reach] = []
    denies: list[Reach] = []
    for rule in _deciding(call, operation):
        side = allows if rule.statement.allow else denies
        side.extend(rule.statement.reaches)
    return allows, denies


def _deciding(call: Call, operation: type[Operation]) -> list[Rule]:
    # Of a list: an allow names the operation it goes with, a deny that or the list.
    moment = clock.now()
    return [
        rule
        for rule in _account_rules(call)
        if rule.statement.names(operation)
        and (rule.until is None or rule.until > moment)
        and rule.fits(call.source_address)
    ]


def _account_rules(call: Call) -> rulebook.Rules:
    if call.gathered is not None:
        rules: rulebook.Rules = call.gathered
        return rules
    return rulebook.rules_of(call.principal.uin)


def sees_all(call: Call, operation: type[Operation]) -> bool:
    """Say whether `visible` leaves out nothing of the caller's account and region."""
    if call.principal.kind is not Kind.SUB:
        return call.principal.kind is Kind.ROOT
    rules = _deciding(call, operation)
    everywhere = any(
        rule.statement.allow
        and any(
            r.whole and r.region in ("", call.region) for r in rule.statement.reaches
        )
        for rule in rules
    )
    return everywhere and all(rule.statement.allow for rule in rules)


def has_full_access(call: Call) -> bool:
    """Say whether the caller is root, the operator, or may do everything like root."""
    if call.principal.kind is not Kind.SUB:
        return call.principal.kind in (Kind.ROOT, Kind.OPERATOR)
    moment = clock.now()
    return any(
        rule.statement.full
        and (rule.until is None or rule.until > moment)
        and rule.fits(call.source_address)
        for rule in _account_rules(call)
    )


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who may, and the rule that says so; None for the root user."""

    user: User
    verdict: Verdict


def holders(
    account_uin: int,
    region: str,
    operation: type[Operation],
    key: Any,
    address: str = "",
) -> list[Holder]:
    """Return everybody who may do `operation` on a key, or on the account, by name."""
    question = Question(operation, key, region, address, clock.now())
    rules = rulebook.rules_of_all(account_uin, [key.id] if key is not None else [])
    people = User.objects.filter(
        account_id=account_uin, is_active=True, deleted_at__isnull=True
    ).order_by("-is_root", "name")
    found = []
    for user in people:
        verdict = (
            Verdict(allowed=True)
            if user.is_root
            else judge(rules.get(user.uin, ()), question)
        )
        if verdict.allowed:
            found.append(Holder(user, verdict))
    return found
