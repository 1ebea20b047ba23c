"""Who may do what with one key: people and groups by groups of operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from accessctl.capabilities import Capability, capabilities_of
from accessctl.models import Group, User
from accessctl.roles import grantable
from accessctl.rules import Question, Rule, Verdict, judge
from kmsconsole import clock

Rules = Sequence[Rule]


class Answer(StrEnum):
    """What one cell says."""

    YES = "yes"
    SOME = "some"
    DEPENDS = "depends"
    NO = "no"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Exact:
    """One operation and the rule that decides; none where nothing does."""

    operation: str
    answer: Answer
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One capability: `allowed` of `exact` operations, and the answer in one word."""

    capability: Capability
    exact: tuple[Exact, ...]

    @property
    def allowed(self) -> int:
        """How many of the operations are allowed."""
        return sum(item.answer is Answer.YES for item in self.exact)

    @property
    def answer(self) -> Answer:
        """Yes where all are allowed, else what is said about most of them."""
        if self.allowed == len(self.exact):
            return Answer.YES
        if self.allowed:
            return Answer.SOME
        answers = {item.answer for item in self.exact}
        for answer in (Answer.DENIED, Answer.DEPENDS):
            if answer in answers:
                return answer
        return Answer.NO


def concerns(rule: Rule, key: Any, moment: datetime) -> bool:
    """Say whether a rule says anything about this key that still holds."""
    question = Question(grantable()["DescribeKey"], key, key.region, "", moment)
    return (rule.until is None or rule.until > moment) and any(
        reach.covers(question) for reach in rule.statement.reaches
    )


def cells(holder: User | Group, rules: Rules, key: Any) -> list[Cell]:
    """Return the row of somebody, for whatever address they may come from."""
    moment = clock.now()
    found = []
    for capability in capabilities_of(key.kind):
        questions = [
            Question(grantable()[name], key, key.region, "", moment)
            for name in capability.operations
        ]
        exact = tuple(_exact(holder, rules, question) for question in questions)
        found.append(Cell(capability, exact))
    return found


def _exact(holder: User | Group, rules: Rules, question: Question) -> Exact:
    name = question.operation.__name__
    if isinstance(holder, User):
        if not holder.is_active:
            return Exact(name, Answer.NO, None)
        if holder.is_root:
            return Exact(name, Answer.YES, None)
    verdict = judge(rules, question)
    if verdict.allowed:
        return Exact(name, Answer.YES, verdict.rule)
    return _refused(name, rules, question, verdict)


def _refused(name: str, rules: Rules, question: Question, verdict: Verdict) -> Exact:
    """Tell a no from one that is another one at some addresses."""
    some = next((rule for rule in rules if _from_somewhere(rule, question)), None)
    denied = verdict.rule
    if denied is None:
        return Exact(name, Answer.DEPENDS if some else Answer.NO, some)
    if not denied.statement.origins:
        return Exact(name, Answer.DENIED, denied)
    elsewhere = some or any(rule.statement.allow for rule in verdict.considered)
    return Exact(name, Answer.DEPENDS if elsewhere else Answer.DENIED, denied)


def _from_somewhere(rule: Rule, question: Question) -> bool:
    statement = rule.statement
    return bool(
        statement.allow
        and statement.origins
        and statement.names(question.operation)
        and (rule.until is None or rule.until > question.moment)
        and any(reach.covers(question) for reach in statement.reaches)
    )
