"""What is switched on for single keys. A switch is off where it has no row."""

from django.db import models


class LegacyPadding(models.Model):
    """That a key pair decrypts RSAES_PKCS1_V1_5: who allowed it, and when."""

    key = models.OneToOneField(
        "keys.CustomerMasterKey",
        on_delete=models.PROTECT,
        related_name="legacy_padding",
    )
    allowed_at = models.DateTimeField()
    allowed_by_uin = models.PositiveBigIntegerField()

    class Meta:
        """Nobody is granted anything on it."""

        default_permissions = ()

    def __str__(self) -> str:
        return str(self.key_id)
