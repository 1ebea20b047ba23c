"""Cloud products as principals: their credentials, and the little they may do.

A product may use the key it owns in an account, and keys of the account's people that
they bound to it (BindCloudResource). Nothing else can be given to it.
"""

from typing import Any

from django.db.models import QuerySet

from accessctl.models import Account, Product, ProductCredential
from keys import custody
from keys.hsm.errors import BadData
from keys.models import CustomerMasterKey
from keys.operations import (
    BindCloudResource,
    CreateCloudKey,
    Decrypt,
    DescribeKey,
    Encrypt,
    GenerateDataKey,
    ReEncrypt,
    UnbindCloudResource,
)
from kmsconsole.operations import Operation
from kmsconsole.principals import Call, Credential, Kind, Principal, SecretKey

# SecretIds of products begin with this, so that nobody else's costs another look.
PREFIX = "AKPD"
OPERATIONS: frozenset[type[Operation]] = frozenset(
    {
        Encrypt,
        Decrypt,
        ReEncrypt,
        GenerateDataKey,
        DescribeKey,
        BindCloudResource,
        UnbindCloudResource,
    }
)
NO_ACCOUNT = 0


def secret_binding(secret_id: str, code: str) -> bytes:
    """What a product's sealed secret is bound to."""
    return f"accessctl/product/1|{secret_id}|{code}".encode("ascii")


def find(secret_id: str) -> Credential | None:
    """Return the credential behind a product's SecretId that may be used, or None.

    HsmError where the HSM can't open its secret.
    """
    row = (
        ProductCredential.objects.filter(secret_id=secret_id, product__is_enabled=True)
        .select_related("product")
        .first()
    )
    if row is None:
        return None
    product = row.product
    try:
        secret = custody.keyring().open_secret(
            row.data_key_epoch,
            bytes(row.sealed_secret),
            secret_binding(secret_id, product.code),
        )
    except BadData:
        return None
    principal = Principal(
        Kind.PRODUCT, NO_ACCOUNT, product.uin, product.code, secret_id
    )
    # Its requests say in their signed parameters whom they are for.
    return Credential(principal, False, SecretKey(secret, "ascii"), _use_anywhere)  # noqa: FBT003


def _use_anywhere(_address: str) -> None:
    """Products come from the operator's own machines: no addresses are kept."""


def allows(call: Call, operation: type[Operation], resource: Any) -> bool:
    """Say whether a product may do this in the account that its call is for."""
    who = call.principal
    if operation is CreateCloudKey:
        return Account.objects.filter(uin=who.account_uin).exists()
    if operation not in OPERATIONS or resource is None:
        return False
    if resource.account_uin != who.account_uin:
        return False
    key = CustomerMasterKey.objects.filter(id=resource.id)
    own, bound = key.filter(owner=who.name), key.filter(bindings__product=who.name)
    return own.exists() or bound.exists()


def names(uins: set[int]) -> QuerySet[Product, tuple[int, str]]:
    """Return the codes of products by uin, as rows of the two."""
    return Product.objects.filter(uin__in=uins).values_list("uin", "code")
