"""Why somebody may or may not: the evaluator's own answer, step by step, in words."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accessctl import evaluator
from accessctl.credentials import principal_of
from accessctl.models import User
from accessctl.roles import PREFIX, roles
from accessctl.rules import Question, Rule, Source
from keys.states import RULES, next_state
from kmsconsole.errors import KMSError
from kmsconsole.operations import Operation
from kmsconsole.principals import Call, Decision


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision, and how it came about."""

    decision: Decision
    steps: tuple[str, ...]


def explain(
    user: User, operation: type[Operation], key: Any, region: str, address: str = ""
) -> Explanation:
    """Explain what the evaluator decides for this person here and now.

    `key` is None for the account as a whole, and for a key that doesn't exist; an
    empty `address` stands for an unknown one.
    """
    call = Call(principal_of(user), region, "", address)
    decision = evaluator.decide(call, operation, key)
    if not user.is_active:
        text = _("%(name)s is disabled: refused before any rule is read.")
        decision = Decision(allowed=False, rule="disabled", text="Disabled.")
        return Explanation(decision, (text % {"name": user.name},))
    if user.is_root:
        text = _("%(name)s is the root user: it may do everything in its account.")
        return Explanation(
            decision, (text % {"name": user.name}, *_state(key, operation))
        )
    question = evaluator.question_of(call, operation, key)
    rules = evaluator.gather(call, [question.key])
    steps = [_considered(rule, question) for rule in _about(rules, operation)]
    steps.append(_conclusion(decision, operation, considered=bool(steps)))
    if decision.allowed:
        steps.extend(_state(question.key, operation))
    return Explanation(decision, tuple(steps))


def _about(rules: tuple[Rule, ...], operation: type[Operation]) -> list[Rule]:
    """Return the rules that name the operation, denying ones first."""
    naming = [rule for rule in rules if rule.statement.names(operation)]
    return sorted(naming, key=lambda rule: rule.statement.allow)


def _considered(rule: Rule, question: Question) -> str:
    if rule.meets(question):
        text = (
            _("%(source)s allows it.")
            if rule.statement.allow
            else _("%(source)s denies it.")
        )
        return text % {"source": source_words(rule.source)}
    return _("%(source)s names it but doesn't apply: %(reason)s") % {
        "source": source_words(rule.source),
        "reason": _obstacle(rule, question),
    }


def _obstacle(rule: Rule, question: Question) -> str:
    if rule.until is not None and rule.until <= question.moment:
        day = rule.until.strftime("%Y-%m-%d %H:%M UTC")
        return _("it ended on %(day)s.") % {"day": day}
    if not rule.fits(question.address):
        wanted = " · ".join(str(origin) for origin in rule.statement.origins)
        return _("the address is not one of %(addresses)s.") % {"addresses": wanted}
    return _("it is about other keys.")


def _conclusion(
    decision: Decision, operation: type[Operation], *, considered: bool
) -> str:
    if decision.allowed:
        words = {
            "oneself": _("Everybody may do this for themselves: allowed."),
            "listing": _("Everybody may list, and sees what they may see: allowed."),
        }
        allowed = _("Nothing denies it and something allows it: allowed.")
        return words.get(decision.rule, allowed)
    if decision.rule == "no-grant":
        if considered:
            return _("Nothing that applies allows it: refused.")
        text = _("No right, group or policy names %(operation)s: refused.")
        return text % {"operation": operation.needs()}
    if decision.rule in ("operator-only", "system-only"):
        return _("No person can be given this: refused.")
    return _("An explicit deny wins over every allow: refused.")


def _state(key: Any, operation: type[Operation]) -> tuple[str, ...]:
    """Say what the key's state does to an operation that is allowed."""
    if key is None or operation.__name__ not in RULES:
        return ()
    try:
        next_state(operation.__name__, key.state, key.kind)
    except KMSError as refusal:
        text = _("Allowed, but the key as it is now refuses it: %(reason)s")
        return (text % {"reason": refusal.message},)
    return ()


def right_words(right: str) -> str:
    """Return the name of a role, or the operation, as people read it."""
    role = roles().get(right.removeprefix(PREFIX)) if PREFIX in right else None
    if role is None:
        return right
    return _("the role “%(role)s”") % {"role": role.label}


def source_words(source: Source) -> str:
    """Say where a rule comes from, at the beginning of a sentence."""
    if source.kind == "policy":
        text = _("Statement %(number)s of the policy “%(name)s”")
        words = text % {"number": source.number, "name": source.right}
    elif source.right.startswith(PREFIX):
        role = roles().get(source.right.removeprefix(PREFIX))
        text = _("The role “%(role)s”")
        words = text % {"role": role.label if role else source.right}
    else:
        words = _("The right “%(right)s”") % {"right": source.right}
    if source.group:
        words += _(", through the group “%(group)s”") % {"group": source.group}
    return words
