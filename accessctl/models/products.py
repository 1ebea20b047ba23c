"""Cloud products: programs of the operator that encrypt for many accounts."""

from django.db import models


class Product(models.Model):
    """A product under its code, such as `cos`: it owns one key an account and region.

    It belongs to no account: each call says which one it is for.
    """

    code = models.CharField(max_length=31, unique=True)
    name = models.CharField(max_length=64)
    uin = models.PositiveBigIntegerField(unique=True)
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        """Products are registered by the operator."""

        default_permissions = ()

    def __str__(self) -> str:
        return self.code


class ProductCredential(models.Model):
    """A SecretId of a product, its secret sealed under the HSM's data key."""

    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, related_name="credentials"
    )
    secret_id = models.CharField(max_length=64, unique=True)
    sealed_secret = models.BinaryField()
    data_key_epoch = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        """Two at most, so that one can be replaced while the other works."""

        default_permissions = ()

    def __str__(self) -> str:
        return self.secret_id
