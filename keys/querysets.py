"""Queries on keys, named by what they mean."""

import json
from collections.abc import Sequence
from string import hexdigits
from typing import TYPE_CHECKING, TypeVar

from django.db import connection, models
from django.db.models import Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Lower, Replace
from django.db.models.lookups import In

from keys import budget, search
from keys.states import KeyState

if TYPE_CHECKING:
    from keys.models import CustomerMasterKey, KeyVersion

_Key_co = TypeVar("_Key_co", bound="CustomerMasterKey", covariant=True)

_Version_co = TypeVar("_Version_co", bound="KeyVersion", covariant=True)


def in_state(state: KeyState) -> models.Func:
    """Return the filter for keys in one state, for columns that fall due.

    The state, a constant, stands in the statement itself: SQLite matches the partial
    indexes of what falls due with nothing else.
    """
    return literally(f'"keys_customermasterkey"."state" = \'{state.value}\'')


def literally(condition: str) -> models.Func:
    """Return a filter as it stands, made of nothing but constants."""
    return models.Func(template=condition, output_field=models.BooleanField())


LISTED_STATES = (KeyState.ENABLED, KeyState.DISABLED, KeyState.PENDING_IMPORT)


class KeyQuerySet(models.QuerySet[_Key_co]):
    """Keys of one account and region, narrowed step by step."""

    def in_region(self, account_uin: int, region: str) -> "KeyQuerySet[_Key_co]":
        """Keys of this account and region that were not destroyed."""
        return self.filter(account_uin=account_uin, region=region).exclude(
            state=KeyState.DESTROYED
        )

    def customer_managed(self) -> "KeyQuerySet[_Key_co]":
        """Keys that people made."""
        return self.filter(owner="user")

    def cloud_managed(self) -> "KeyQuerySet[_Key_co]":
        """Keys that cloud products made."""
        return self.exclude(owner="user")

    def matching(self, words: str) -> "KeyQuerySet[_Key_co]":
        """Keys whose name or ID contains `words`, without regard to case."""
        found = search.candidates(words)
        if found is not None and found.complete:
            return self.among(found.ids)
        return self.containing(words)

    def among(self, ids: Sequence[str]) -> "KeyQuerySet[_Key_co]":
        """Keys with these IDs, as hex without hyphens."""
        if not ids:
            return self.none()
        if connection.vendor != "sqlite":
            return self.filter(pk__in=ids)
        # One parameter: thousands of them take longer than the query.
        listed = RawSQL("SELECT value FROM json_each(%s)", [json.dumps(ids)])
        return self.filter(pk__in=listed)

    def by_nature(
        self,
        usages: Sequence[str],
        origins: Sequence[str],
        rotating: Sequence[bool],
    ) -> "KeyQuerySet[_Key_co]":
        """Keys of these usages and origins, found by their own index, in no order."""
        # Lower case as in that index, so that no other question is answered by it.
        return self.filter(
            In(Lower("usage"), [usage.lower() for usage in usages]),
            In(Lower("origin"), [origin.lower() for origin in origins]),
            rotation_enabled__in=rotating,
        )

    def containing(self, words: str) -> "KeyQuerySet[_Key_co]":
        """Keys that match, found by looking at one after another."""
        as_id = words.replace("-", "")
        match = models.Q(alias__icontains=words)
        if as_id and set(as_id) <= set(hexdigits):
            match |= models.Q(bare__icontains=as_id)
        # PostgreSQL's text of an ID has hyphens, SQLite stores none.
        text = models.TextField()
        bare = Replace(Cast("id", text), Value("-"), Value(""), output_field=text)
        narrowed: KeyQuerySet[_Key_co] = self.alias(bare=bare).filter(match)  # type: ignore[assignment]
        return narrowed

    def tagged(self, name: str, values: Sequence[str] = ()) -> "KeyQuerySet[_Key_co]":
        """Keys that have this tag, with one of these values unless there are none."""
        having = {"tags__name": name} | ({"tags__value__in": values} if values else {})
        return self.filter(**having)

    def rotating(self) -> "KeyQuerySet[_Key_co]":
        """Keys that `next_rotation_at` is a date for: on, and enabled now."""
        return self.filter(in_state(KeyState.ENABLED), rotation_enabled=True)

    def pending_deletion(self) -> "KeyQuerySet[_Key_co]":
        """Keys that `deletion_date` is a date for."""
        return self.filter(in_state(KeyState.PENDING_DELETE))

    def expiring(self) -> "KeyQuerySet[_Key_co]":
        """Keys that `material_valid_to` is a date for."""
        states = (KeyState.ENABLED, KeyState.DISABLED, KeyState.ARCHIVED)
        return self.filter(material_valid_to__isnull=False, state__in=states)

    def counting_towards_limit(self) -> "KeyQuerySet[_Key_co]":
        """Keys that use up the account's allowance."""
        return self.customer_managed().exclude(state=KeyState.PENDING_DELETE)


class KeyVersionQuerySet(models.QuerySet[_Version_co]):
    """Versions of keys."""

    def worn(self) -> "KeyVersionQuerySet[_Version_co]":
        """Versions that near the number of encryptions they may make."""
        spent = f'"keys_keyversion"."encryptions" >= {budget.ROTATE_AT}'
        return self.filter(literally(spent))

    def to_replace(self) -> "KeyVersionQuerySet[_Version_co]":
        """Worn versions that encrypt now, of keys that can rotate."""
        # There are none or few, in one look at their index: the keys come second.
        worn = list(self.worn().values_list("pk", flat=True))
        return self.filter(
            in_state(KeyState.ENABLED),
            pk__in=worn,
            number=models.F("key__primary_version"),
            key__usage="ENCRYPT_DECRYPT",
            key__origin="TENCENT_KMS",
        )
