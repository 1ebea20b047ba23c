"""The audit: rows that are only ever added."""

from django.db import models


class Outcome(models.TextChoices):
    """How an operation ended."""

    SUCCESS = "success"
    REFUSED = "refused"
    FAILED = "failed"


class AuditEvent(models.Model):
    """One thing somebody did, tried to do or failed to do.

    Rows name people, keys and rules by value: they stay legible after what they name
    is gone. Nothing here may hold plaintext, ciphertext or secrets. Triggers refuse
    UPDATE and DELETE.
    """

    sequence = models.BigAutoField(primary_key=True)
    writer = models.CharField(max_length=32)
    writer_number = models.PositiveBigIntegerField()
    digest = models.BinaryField(max_length=32)
    signature_hash = models.BinaryField(max_length=32, null=True)
    request_id = models.CharField(max_length=36)
    time = models.DateTimeField()
    account_uin = models.PositiveBigIntegerField()
    region = models.CharField(max_length=32)
    principal_kind = models.CharField(max_length=16)
    principal_uin = models.PositiveBigIntegerField()
    principal_name = models.CharField(max_length=64)
    credential = models.CharField(max_length=64)
    source_address = models.CharField(max_length=45)
    operation = models.CharField(max_length=64)
    key_id = models.CharField(max_length=36, null=True)  # noqa: DJ001 - no key
    key_version = models.PositiveIntegerField(null=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    error_code = models.CharField(max_length=64)
    rule = models.CharField(max_length=64)
    rule_text = models.CharField(max_length=255)
    details = models.TextField()

    class Meta:
        """Indexes follow the two questions asked: this account, this key."""

        default_permissions = ()
        indexes = (
            models.Index(
                fields=["signature_hash", "sequence"],
                name="audit_first_sight",
                condition=models.Q(signature_hash__isnull=False),
            ),
            models.Index(
                fields=["account_uin", "time", "sequence"], name="audit_account_time"
            ),
            models.Index(
                fields=["key_id", "sequence"],
                name="audit_key",
                condition=models.Q(key_id__isnull=False),
            ),
            models.Index(
                fields=["account_uin", "sequence"],
                name="audit_service",
                condition=models.Q(principal_kind="system"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.operation} {self.outcome} {self.request_id}"


class RefusalCount(models.Model):
    """How often one address was refused without credentials in one minute."""

    source_address = models.CharField(max_length=45)
    minute = models.DateTimeField()
    count = models.PositiveBigIntegerField()

    class Meta:
        """One row an address and minute, gone once it became an event."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["source_address", "minute"], name="audit_refusal_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.source_address} {self.minute:%H:%M} {self.count}"
