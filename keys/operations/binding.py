"""What cloud products encrypt with a key guards it against being taken away."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from keys.errors import CloudResourceBindingNotFound, CmkUsedByCloudProduct
from keys.models import CustomerMasterKey, ResourceBinding
from keys.operations.base import KeyId, KeyInput, KeyOperation
from kmsconsole import clock
from kmsconsole.errors import InvalidParameterValue, UnauthorizedOperation
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.principals import Kind

_LONGEST_PRODUCT, _LONGEST_RESOURCE = 32, 128
_LARGEST_NUMBER = 2**63 - 1


def any_bound(keys: Iterable[CustomerMasterKey]) -> bool:
    """Say whether a cloud product's resources depend on any of these keys."""
    return ResourceBinding.objects.filter(key__in=[key.id for key in keys]).exists()


def refuse_bound(keys: Iterable[CustomerMasterKey]) -> None:
    """Refuse keys that a cloud product's resources depend on."""
    if any_bound(keys):
        raise CmkUsedByCloudProduct


def _printable(name: str) -> AfterValidator:
    def checked(value: str) -> str:
        if not value.isprintable() or not value.strip():
            raise InvalidParameterValue(name)
        return value

    return AfterValidator(checked)


class BindingInput(KeyInput):
    """A product's code such as `cos`, and what it calls its resource."""

    product_id: Annotated[
        str, Field(max_length=_LONGEST_PRODUCT), _printable("ProductId")
    ]
    resource_id: Annotated[
        str, Field(max_length=_LONGEST_RESOURCE), _printable("ResourceId")
    ]


class BindingOperation(KeyOperation):
    """Binds or releases; a product does so for itself alone."""

    effect = Effect.CHANGE
    audited_fields = ("product_id", "resource_id")
    Input: ClassVar[type[OperationInput]] = BindingInput

    def check(self, data: Any) -> None:
        """Refuse a product that speaks for another one."""
        super().check(data)
        who = self.call.principal
        if who.kind is Kind.PRODUCT and data.product_id != who.name:
            raise UnauthorizedOperation(operation=type(self).__name__)


class BindCloudResource(BindingOperation):
    """Note that a product's resource is encrypted with a key; twice is harmless.

    Imported material that would end by itself no longer does.
    """

    def perform(self, data: Any) -> dict[str, Any]:
        """Store the binding."""
        key = self.key
        ResourceBinding.objects.get_or_create(
            key=key,
            product=data.product_id,
            resource_id=data.resource_id,
            defaults={"created_at": clock.now()},
        )
        if key.material_valid_to is not None:
            key.material_valid_to = None
            self.save(key, "material_valid_to")
        return {}


class UnbindCloudResource(BindingOperation):
    """Note that a product's resource no longer needs a key."""

    def perform(self, data: Any) -> dict[str, Any]:
        """Remove the binding."""
        removed, _ = ResourceBinding.objects.filter(
            key=self.key, product=data.product_id, resource_id=data.resource_id
        ).delete()
        if not removed:
            raise CloudResourceBindingNotFound("ResourceId")
        return {}


class ListBindingsInput(OperationInput):
    """Of one key, of one product, or all; `Before` is a binding's number."""

    key_id: KeyId | Literal[""] | None = None
    product_id: Annotated[str, Field(max_length=_LONGEST_PRODUCT)] = ""
    before: Annotated[WholeNumber, Field(ge=1, le=_LARGEST_NUMBER)] | None = None
    limit: Annotated[WholeNumber, Field(ge=1, le=100)] = 20


class ListBindings(Operation):
    """Resources of cloud products, on the keys whose use the caller may see."""

    effect = Effect.READ
    scope = Scope.LISTING
    permission = "DescribeKeyUsage"
    api = False
    Input = ListBindingsInput

    def perform(self, data: ListBindingsInput) -> dict[str, Any]:
        """Return a page of bindings with their keys, newest first, and how many."""
        account, region = self.call.principal.account_uin, self.call.region
        rows = ResourceBinding.objects.filter(
            key__account_uin=account, key__region=region
        )
        if not self.call.sees_all(type(self)):
            keys = CustomerMasterKey.objects.in_region(account, region)
            rows = rows.filter(key__in=self.call.visible(type(self), keys))
        if data.key_id:
            rows = rows.filter(key=data.key_id)
        if data.product_id:
            rows = rows.filter(product=data.product_id)
        total = rows.count()
        if data.before:
            rows = rows.filter(id__lt=data.before)
        found = list(rows.select_related("key").order_by("-id")[: data.limit + 1])
        page = found[: data.limit]
        more = len(found) > len(page)
        return {
            "Bindings": page,
            "TotalCount": total,
            "Older": page[-1].pk if more else None,
        }
