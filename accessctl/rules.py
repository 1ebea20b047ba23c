"""The parsed form of every right: what a rule says, and how it meets a question.

Grants and policies both become rules; decision, visible keys and "who may" are answered
from them alone, so that they can't disagree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from uuid import UUID

from django.db.models import Q

from accessctl.roles import grantable
from kmsconsole.operations import Operation, Scope

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Question:
    """May somebody do this here? `address` empty stands for an unknown one.

    `key` is anything with id, region and creator_uin; None where the operation is on
    the account, or on a key that doesn't exist.
    """

    operation: type[Operation]
    key: Any
    region: str
    address: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class Reach:
    """Keys that a rule is about; what is empty is not narrowed."""

    region: str = ""
    creator_uin: int | None = None
    key_id: UUID | None = None

    @property
    def whole(self) -> bool:
        """Whether it is about the account itself, not about some of its keys."""
        return self.creator_uin is None and self.key_id is None

    def covers(self, question: Question) -> bool:
        """Say whether the question is about something in reach."""
        key = question.key
        if key is None:
            return self.whole and self.region in ("", question.region)
        return (
            self.region in ("", key.region)
            and self.creator_uin in (None, key.creator_uin)
            and self.key_id in (None, key.id)
        )

    def query(self) -> Q:
        """Return the same as a condition on keys."""
        wanted = {
            "region": self.region or None,
            "creator_uin": self.creator_uin,
            "id": self.key_id,
        }
        known = {name: value for name, value in wanted.items() if value is not None}
        return Q(**known) if known else ~Q(pk__in=[])


EVERYTHING = (Reach(),)


@dataclass(frozen=True, slots=True)
class Origin:
    """The address somebody has to come from, or must not (`inside` false)."""

    networks: tuple[Network, ...]
    inside: bool = True

    def holds(self, address: str) -> bool:
        """Say whether the address fulfils this; an unknown one never does."""
        known = _address(address)
        if known is None:
            return False
        within = any(known in network for network in self.networks)
        return within is self.inside

    def __str__(self) -> str:
        names = ", ".join(map(str, self.networks))
        return names if self.inside else f"not {names}"


@lru_cache(maxsize=1024)
def _address(text: str) -> Any:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses and networks; raises ValueError. Host bits are ignored."""
    return tuple(ip_network(text.strip(), strict=False) for text in texts)


@dataclass(frozen=True, slots=True)
class Statement:
    """What is allowed or denied, where, and from which address."""

    allow: bool
    operations: frozenset[str]
    reaches: tuple[Reach, ...] = EVERYTHING
    origins: tuple[Origin, ...] = ()

    @property
    def full(self) -> bool:
        """Whether it allows everything that can be given, everywhere."""
        return (
            self.allow
            and EVERYTHING[0] in self.reaches
            and self.operations.issuperset(grantable())
        )

    def names(self, operation: type[Operation]) -> bool:
        """Say whether it is about this operation.

        An allow names the permission that is needed, or is full where people and
        policies are concerned; a deny may name permission or operation.
        """
        needed = operation.needs() in self.operations
        if not self.allow:
            return needed or operation.__name__ in self.operations
        return self.full if operation.scope is Scope.ADMINISTRATION else needed


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from, for people.

    `kind` is grant or policy; `right` the role, operation or policy; `group` the group
    it came through, or empty; `number` the statement of a policy, from 1.
    """

    kind: str
    right: str
    group: str = ""
    number: int = 0
    request: str = ""

    @property
    def name(self) -> str:
        """Return what events call the rule; at most 64 characters."""
        end = f"#{self.number}" if self.number else ""
        return f"{self.kind}:{self.right}"[: 64 - len(end)] + end

    def __str__(self) -> str:
        what = (
            f"statement {self.number} of the policy {self.right}"
            if self.kind == "policy"
            else self.right
        )
        return f"{what}, through the group {self.group}" if self.group else what


@dataclass(frozen=True, slots=True)
class Rule:
    """A statement that holds for somebody, until when and why."""

    statement: Statement
    source: Source
    until: datetime | None = None

    def meets(self, question: Question) -> bool:
        """Say whether it decides this question."""
        statement = self.statement
        return (
            statement.names(question.operation)
            and (self.until is None or self.until > question.moment)
            and any(reach.covers(question) for reach in statement.reaches)
            and self.fits(question.address)
        )

    def fits(self, address: str) -> bool:
        """Say whether its conditions on the address hold."""
        origins = self.statement.origins
        if not origins:
            return True
        if not address and not self.statement.allow:
            return True
        return all(origin.holds(address) for origin in origins)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer and the rule it rests on; no rule where nothing grants it."""

    allowed: bool
    rule: Rule | None = None
    considered: tuple[Rule, ...] = ()


def judge(rules: Sequence[Rule], question: Question) -> Verdict:
    """Explicit deny, then allow, then nothing."""
    meeting = tuple(rule for rule in rules if rule.meets(question))
    for rule in meeting:
        if not rule.statement.allow:
            return Verdict(allowed=False, rule=rule, considered=meeting)
    if question.operation.scope is Scope.LISTING:
        return Verdict(allowed=True, considered=meeting)
    return Verdict(bool(meeting), meeting[0] if meeting else None, meeting)
