"""Cloud products: registered by the operator's command, seen by administrators."""

import re
from typing import Annotated, Any, ClassVar

from django.db.models import Count
from django.utils.translation import gettext_lazy as _
from pydantic import AfterValidator, Field

from accessctl.models import Product, ProductCredential
from accessctl.operations.base import AdministrationOperation
from accessctl.products import PREFIX, secret_binding
from accessctl.uins import new_uin
from keys import custody
from keys.hsm.errors import HsmError
from keys.models import CustomerMasterKey, ResourceBinding
from keys.states import OWNER_USER
from kmsconsole import clock, randomness
from kmsconsole.errors import (
    InvalidParameterValue,
    KMSError,
    ServiceTemporaryUnavailable,
)
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect, Operation, Scope

MOST_CREDENTIALS = 2
# Codes that people bound resources to and that no product has.
MOST_UNREGISTERED = 100
_CODE = re.compile(r"[a-z][a-z0-9]{0,30}", re.ASCII)
_ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SECRET_LENGTH = 32


class ProductExists(KMSError):
    """A code that another product has."""

    code = "ResourceInUse"
    http_status = 409
    why = _("There is a product with this code.")
    mend = _("Choose another code, or change that product.")


class ProductNotFound(KMSError):
    """No such product."""

    code = "ResourceNotFound"
    http_status = 404
    why = _("There is no such product, or it has no such credential.")
    mend = _("Check the code and the SecretId.")


class ProductCredentialLimitExceeded(KMSError):
    """A third credential."""

    code = "LimitExceeded"
    http_status = 409
    why = _("The product already has %(most)s credentials.")
    mend = _("Remove one first.")


def _code(value: str) -> str:
    if not _CODE.fullmatch(value) or value == OWNER_USER:
        raise InvalidParameterValue("Code")
    return value


class ProductInput(OperationInput):
    """A product by its code: lower-case letters and digits."""

    code: Annotated[str, AfterValidator(_code)]


class CreateProductInput(ProductInput):
    """What people call it; its code if nothing else."""

    name: Annotated[str, Field(max_length=64)] = ""


class ProductOperation(Operation):
    """An operation on a product; its event belongs to the operator's account."""

    effect = Effect.CHANGE
    scope = Scope.OPERATOR
    api = False
    audited_fields: ClassVar[tuple[str, ...]] = ("code",)
    Input: ClassVar[type[OperationInput]] = ProductInput

    product: Product

    def check(self, data: Any) -> None:
        """Find it, locked while it is changed."""
        rows = Product.objects.all()
        if self.changing:
            rows = rows.select_for_update()
        found = rows.filter(code=data.code).first()
        if found is None:
            raise ProductNotFound("Code")
        self.product = found

    def draw(self) -> dict[str, Any]:
        """Make a credential; the secret is in the answer only."""
        secret_id = PREFIX + randomness.token_string(_SECRET_LENGTH, _ALPHANUMERIC)
        secret_key = randomness.token_string(_SECRET_LENGTH, _ALPHANUMERIC)
        epoch, sealed = custody.keyring().seal_secret(
            secret_key.encode("ascii"), secret_binding(secret_id, self.product.code)
        )
        ProductCredential.objects.create(
            product=self.product,
            secret_id=secret_id,
            sealed_secret=sealed,
            data_key_epoch=epoch,
            created_at=clock.now(),
        )
        self.details["SecretId"] = secret_id
        return {"SecretId": secret_id, "SecretKey": secret_key}

    def translate(self, error: Exception) -> KMSError | None:
        """Without the HSM nothing can be sealed."""
        return ServiceTemporaryUnavailable() if isinstance(error, HsmError) else None


class CreateProduct(ProductOperation):
    """Register a product, with its first credential."""

    audited_fields = ("code", "name")
    Input = CreateProductInput

    def check(self, data: CreateProductInput) -> None:
        """Refuse a code that is taken."""
        if Product.objects.filter(code=data.code).exists():
            raise ProductExists("Code")

    def perform(self, data: CreateProductInput) -> dict[str, Any]:
        """Store both."""
        self.product = Product.objects.create(
            code=data.code,
            name=data.name or data.code,
            uin=new_uin(),
            created_at=clock.now(),
        )
        answer = {"Code": data.code, "Uin": self.product.uin}
        return answer | self.draw()


class UpdateProductInput(ProductInput):
    """Whether it may do anything."""

    enabled: bool


class UpdateProduct(ProductOperation):
    """Switch a product off, in all accounts at once, or on again."""

    audited_fields = ("code", "enabled")
    Input = UpdateProductInput

    def perform(self, data: UpdateProductInput) -> dict[str, Any]:
        """Store the switch."""
        self.product.is_enabled = data.enabled
        self.product.save(update_fields=["is_enabled"])
        return {"Code": self.product.code, "Enabled": self.product.is_enabled}


class CreateProductCredential(ProductOperation):
    """Make another credential, to replace the one in use."""

    def check(self, data: ProductInput) -> None:
        """Refuse a third one."""
        super().check(data)
        if self.product.credentials.count() >= MOST_CREDENTIALS:
            raise ProductCredentialLimitExceeded(most=MOST_CREDENTIALS)

    def perform(self, data: ProductInput) -> dict[str, Any]:
        """Draw it."""
        return {"Code": self.product.code} | self.draw()


class ProductCredentialInput(ProductInput):
    """One credential."""

    secret_id: Annotated[str, Field(min_length=1, max_length=64)]


class DeleteProductCredential(ProductOperation):
    """Remove a credential; it is refused from the next request on."""

    audited_fields = ("code", "secret_id")
    Input = ProductCredentialInput

    def perform(self, data: ProductCredentialInput) -> dict[str, Any]:
        """Remove it."""
        removed, _rows = self.product.credentials.filter(
            secret_id=data.secret_id
        ).delete()
        if not removed:
            raise ProductNotFound("SecretId")
        return {"Code": self.product.code}


class ListProducts(AdministrationOperation):
    """Which products there are, and what each has in this account and region.

    Their SecretIds belong to no account and are not among it.
    """

    effect = Effect.READ

    def perform(self, data: OperationInput) -> dict[str, Any]:
        """Return products by code, then codes that only bindings name."""
        account, region = self.call.principal.account_uin, self.call.region
        keys = CustomerMasterKey.objects.in_region(account, region).cloud_managed()
        own = {row.owner: row for row in keys}
        bound = ResourceBinding.objects.filter(
            key__account_uin=account, key__region=region
        )
        held = dict(
            bound.values_list("product")
            .annotate(resources=Count("id"))
            .order_by("product")
        )
        found: list[dict[str, Any]] = [
            {
                "Code": row.code,
                "Name": row.name,
                "Registered": True,
                "Enabled": row.is_enabled,
                "CreatedAt": row.created_at,
                "Key": own.get(row.code),
                "Resources": held.pop(row.code, 0),
            }
            for row in Product.objects.order_by("code")
        ]
        found += [
            {"Code": code, "Registered": False, "Resources": number}
            for code, number in list(held.items())[:MOST_UNREGISTERED]
        ]
        return {"Products": found}


PRODUCT_OPERATIONS: tuple[type[Operation], ...] = (
    CreateProduct,
    UpdateProduct,
    CreateProductCredential,
    DeleteProductCredential,
    ListProducts,
)
