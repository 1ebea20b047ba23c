"""Who acts, and the one question everybody asks: may this principal do this?

The answers come from the evaluator and the credential lookup that settings name, so
that nothing below the access-control app has to know it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext

if TYPE_CHECKING:
    from kmsconsole.operations import Operation
    from kmsconsole.statements import Question, Row


SERVICE_UIN = 0


class Kind(StrEnum):
    """What sort of principal acts."""

    ROOT = "root"
    SUB = "sub"
    OPERATOR = "operator"
    SYSTEM = "system"
    PRODUCT = "product"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer and the rule that gave it: `rule` its name, `text` its words."""

    allowed: bool
    rule: str
    text: str
    steps: tuple[str, ...] = ()


class Evaluator(Protocol):
    """What the module `settings.KMS_EVALUATOR` offers."""

    def decide(
        self, call: "Call", operation: "type[Operation]", resource: object
    ) -> Decision:
        """Decide on one resource; None stands for one that doesn't exist."""

    def gather(self, call: "Call", resources: "Iterable[object]") -> Any:
        """Read at once whatever deciding on these resources needs."""

    def visible(
        self, call: "Call", operation: "type[Operation]", resources: Any
    ) -> Any:
        """Narrow a queryset to what the caller may see."""

    def sees_all(self, call: "Call", operation: "type[Operation]") -> bool:
        """Say whether `visible` leaves out nothing of the caller's account."""

    def questions(self, uin: int, key_id: UUID) -> "Sequence[Question]":
        """Return what deciding on a key asks about a sub-account, to be read ahead."""


@cache
def _evaluator() -> Evaluator:
    return cast(Evaluator, import_module(settings.KMS_EVALUATOR))


class Credentials(Protocol):
    """What the module `settings.KMS_CREDENTIALS` offers."""

    def find(self, secret_id: str) -> "Credential | None":
        """Return the credential behind a SecretId that may be used now, or None."""

    def question(self, secret_id: str) -> "Question | None":
        """Return what `find` will read, to be read ahead, if that is one row."""

    def subject(self, row: "Row") -> int | None:
        """Return whose rules decide, by that row; None where nobody's do."""


@cache
def _credentials() -> Credentials:
    return cast(Credentials, import_module(settings.KMS_CREDENTIALS))


@cache
def _names() -> "Callable[[Iterable[int]], dict[int, str]]":
    return cast(
        "Callable[[Iterable[int]], dict[int, str]]",
        import_string(settings.KMS_PRINCIPAL_NAMES),
    )


@dataclass(frozen=True, slots=True)
class Principal:
    """An identity as it was when this request began.

    `uin` names the identity, `account_uin` the main account it belongs to;
    `credential` says how it proved itself: a SecretId, `session` or `command`. A person
    is `fresh` for some minutes after they proved it once more; programs always are.
    """

    kind: Kind
    account_uin: int
    uin: int
    name: str
    credential: str
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One request to do something: who, where, from where, under which number."""

    principal: Principal
    region: str
    request_id: str
    source_address: str
    signature_hash: bytes | None = None
    gathered: Any = field(default=None, compare=False, repr=False)

    def glance(self, resources: "Iterable[object]") -> "Call":
        """Return this call with the rules on these resources as they are now.

        For many questions at one moment: the buttons of a page, the keys of a batch.
        Nothing is executed with it: that always reads anew.
        """
        return replace(self, gathered=_evaluator().gather(self, resources))

    def decide(self, operation: "type[Operation]", resource: object) -> Decision:
        """Say whether the caller may do `operation` on `resource`."""
        return _evaluator().decide(self, operation, resource)

    def visible(self, operation: "type[Operation]", resources: Any) -> Any:
        """Narrow a queryset to the rows the caller may do `operation` on."""
        return _evaluator().visible(self, operation, resources)

    def sees_all(self, operation: "type[Operation]") -> bool:
        """Say whether every key of the account is visible to the caller."""
        return _evaluator().sees_all(self, operation)


class SecretKey(str):
    """The secret of an access key, and the last key that was derived from it to sign.

    `derived` holds what it was derived for and the key; it goes with the secret.
    """

    derived: tuple[tuple[str, str], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key that may be used now, with the secret it signs with.

    `use` is called with the sender's address once a signature has proved the sender:
    it notes the use, or refuses the address.
    """

    principal: Principal
    require_signed_action: bool
    secret_key: SecretKey = field(repr=False)
    use: Callable[[str], None] = field(repr=False)


def find_credential(secret_id: str) -> Credential | None:
    """Return the enabled credential, read fresh from the database, or None."""
    return _credentials().find(secret_id)


def credential_question(secret_id: str) -> "Question | None":
    """Return what `find_credential` will read, to be read ahead."""
    return _credentials().question(secret_id)


def rules_questions(credential: "Row", key_id: UUID) -> "Sequence[Question]":
    """Return what deciding on a key will ask, by the row of `credential_question`."""
    uin = _credentials().subject(credential)
    return () if uin is None else _evaluator().questions(uin, key_id)


def names_of(uins: Iterable[int]) -> dict[int, str]:
    """Return the present names of identities; those nobody knows any more are absent.

    The uin 0 is the service itself.
    """
    wanted = set(uins)
    names = _names()(wanted - {SERVICE_UIN}) if wanted - {SERVICE_UIN} else {}
    if SERVICE_UIN in wanted:
        names[SERVICE_UIN] = gettext("the service itself")
    return names
