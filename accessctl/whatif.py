"""What would change if a right was given or taken: the same rules, judged twice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accessctl import rulebook
from accessctl.capabilities import operations_on
from accessctl.models import Group, User
from accessctl.roles import grantable, operations_of
from accessctl.rules import Question, Rule, judge
from kmsconsole import clock

Rules = tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """Rights to give until a time, or to take, on one key or on the account."""

    rights: tuple[str, ...]
    key: Any
    until: datetime | None = None
    taken: bool = False

    @property
    def key_id(self) -> Any:
        """The key's ID, or None for the account."""
        return self.key.id if self.key is not None else None

    @property
    def keys(self) -> tuple[UUID, ...]:
        """The key's ID, if there is one, as the rulebook takes it."""
        return (self.key.id,) if self.key is not None else ()

    def applied(self, rules: Rules, group: str) -> Rules:
        """Return the rules as they would be, for somebody or for a group's member."""
        kept = tuple(rule for rule in rules if not self._replaces(rule, group))
        if self.taken:
            return kept
        return kept + tuple(
            rulebook.granted(right, self.until, self.key_id, group=group)
            for right in self.rights
        )

    def present(self, rules: Rules, group: str) -> list[Rule]:
        """Return the rules that the wish would replace or take."""
        return [rule for rule in rules if self._replaces(rule, group)]

    def _replaces(self, rule: Rule, group: str) -> bool:
        source = rule.source
        return (
            source.kind == "grant"
            and source.right in self.rights
            and source.group == group
            and rule.statement.reaches[0].key_id == self.key_id
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One person before and after: operations gained and lost, ends that move.

    `ends` holds the right, its present end and the new one, where it stays.
    """

    user: User
    group: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    kept: tuple[str, ...]
    ends: tuple[tuple[str, datetime | None, datetime | None], ...]

    @property
    def none(self) -> bool:
        """Whether nothing at all would be different."""
        return not (self.gained or self.lost or self.ends)


def differences(
    account_uin: int, region: str, holders: Iterable[User | Group], wish: Wish
) -> list[Difference]:
    """Return what the wish would change for each person it reaches, by name."""
    rules: dict[int, Rules] | None = None
    found = []
    for holder in holders:
        if isinstance(holder, User):
            own = rulebook.rules_of(holder.uin, wish.keys)
            found.append(_difference(holder, "", own, region, wish))
            continue
        if rules is None:
            rules = rulebook.rules_of_all(account_uin, wish.keys)
        for member in holder.members.filter(deleted_at__isnull=True).order_by("name"):
            own = rules.get(member.uin, ())
            found.append(_difference(member, holder.name, own, region, wish))
    return found


def _difference(
    user: User, group: str, rules: Rules, region: str, wish: Wish
) -> Difference:
    kind = wish.key.kind if wish.key is not None else None
    names = operations_on(kind)
    moment = clock.now()
    before = _allowed(rules, names, wish, region, moment)
    after = _allowed(wish.applied(rules, group), names, wish, region, moment)
    named = {n for right in wish.rights for n in operations_of(right)}
    ends = () if wish.taken else _moved(wish, rules, group)
    return Difference(
        user=user,
        group=group,
        gained=tuple(n for n in names if n in after - before),
        lost=tuple(n for n in names if n in before - after),
        kept=tuple(n for n in names if n in named and n in before and n in after),
        ends=ends,
    )


def _moved(
    wish: Wish, rules: Rules, group: str
) -> tuple[tuple[str, datetime | None, datetime | None], ...]:
    return tuple(
        (rule.source.right, rule.until, wish.until)
        for rule in wish.present(rules, group)
        if rule.until != wish.until
    )


def _allowed(
    rules: Rules, names: Sequence[str], wish: Wish, region: str, moment: datetime
) -> set[str]:
    return {
        name
        for name in names
        if judge(
            rules, Question(grantable()[name], wish.key, region, "", moment)
        ).allowed
    }
