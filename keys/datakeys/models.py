"""Data keys that are kept here, as ciphertext under their key."""

from string import hexdigits

from django.db import models
from django.db.models import Value
from django.db.models.functions import Cast, Lower, Replace

from keys.datakeys.states import DataKeyState
from keys.querysets import literally
from kmsconsole import randomness


class DataKeyQuerySet(models.QuerySet["DataKey"]):
    """Data keys of one account and region, narrowed step by step."""

    def in_region(self, account_uin: int, region: str) -> "DataKeyQuerySet":
        """Data keys of this account and region."""
        return self.filter(account_uin=account_uin, region=region)

    def named_like(self, words: str) -> "DataKeyQuerySet":
        """Data keys whose name contains `words`, or whose ID does."""
        found = models.Q(name__icontains=words)
        bare = words.replace("-", "").lower()
        if bare and set(bare) <= set(hexdigits):
            # PostgreSQL's text of an ID has hyphens, SQLite stores none.
            text = models.TextField()
            found |= models.Q(bare__icontains=bare)
            as_text = Replace(
                Cast("id", text), Value("-"), Value(""), output_field=text
            )
            return self.alias(bare=as_text).filter(found)
        return self.filter(found)

    def pending_deletion(self) -> "DataKeyQuerySet":
        """Data keys in their waiting period."""
        state = DataKeyState.PENDING_DELETE.value
        # As constants: SQLite matches the partial index with nothing else.
        pending = f'"keys_datakey"."state" = \'{state}\''
        return self.filter(literally(pending))

    def counting_towards_limit(self) -> "DataKeyQuerySet":
        """Data keys that use up the account's allowance."""
        return self.exclude(state=DataKeyState.PENDING_DELETE)


class DataKey(models.Model):
    """A data key under a name. `blob` is all that is kept of its material.

    `context` is the canonical encryption context the blob is bound to: asking for the
    plaintext has no parameter for it.
    """

    id = models.UUIDField(primary_key=True, default=randomness.uuid4, editable=False)
    key = models.ForeignKey(
        "keys.CustomerMasterKey", on_delete=models.PROTECT, related_name="data_keys"
    )
    account_uin = models.PositiveBigIntegerField()
    region = models.CharField(max_length=32)
    name = models.CharField(max_length=60)
    description = models.CharField(max_length=100, blank=True)
    number_of_bytes = models.PositiveSmallIntegerField()
    origin = models.CharField(max_length=16)
    state = models.CharField(max_length=16, choices=DataKeyState.choices)
    blob = models.TextField()
    context = models.BinaryField(default=b"")
    creator_uin = models.PositiveBigIntegerField()
    created_at = models.DateTimeField()
    deletion_date = models.DateTimeField(null=True)

    objects = DataKeyQuerySet.as_manager()

    class Meta:
        """Names are unique while their data key exists, without regard to case."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                "account_uin", "region", Lower("name"), name="keys_data_key_name_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=DataKeyState.values),
                name="keys_data_key_state_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=DataKeyState.PENDING_DELETE)
                | models.Q(deletion_date__isnull=False),
                name="keys_data_key_pending_dated",
            ),
        )
        indexes = (
            models.Index(
                fields=["account_uin", "region", "-created_at", "id"],
                name="keys_data_key_newest",
            ),
            models.Index(
                fields=["deletion_date"],
                name="keys_data_key_deletion_due",
                condition=models.Q(state=DataKeyState.PENDING_DELETE),
            ),
        )

    def __str__(self) -> str:
        return self.name


class DataKeyTag(models.Model):
    """A name and a value that people sort data keys by."""

    data_key = models.ForeignKey(DataKey, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=127)
    value = models.CharField(max_length=255, blank=True)

    class Meta:
        """A name stands once on a data key."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["data_key", "name"], name="keys_data_key_tag_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name}={self.value}" if self.value else self.name
