"""Keys in the operator's reading room; nothing that is or wraps a secret is shown."""

from typing import ClassVar

from django.contrib import admin

from keys.models import CustomerMasterKey, Heartbeat, KeyVersion, TokenKey
from kmsconsole.operator_site import ReadOnlyAdmin


@admin.register(CustomerMasterKey)
class CustomerMasterKeyAdmin(ReadOnlyAdmin):
    """Keys of all accounts."""

    list_display = ("alias", "id", "account_uin", "region", "state", "created_at")
    list_filter = ("state", "region", "owner", "origin")
    search_fields = ("alias", "id", "=account_uin")
    ordering = ("-created_at",)


@admin.register(KeyVersion)
class KeyVersionAdmin(ReadOnlyAdmin):
    """Versions, without their material."""

    list_display = ("key", "number", "spec", "root_epoch", "mac_epoch", "created_at")
    list_select_related = ("key",)
    search_fields = ("key__alias", "=key__id")
    ordering = ("-created_at",)
    exclude: ClassVar = (
        "wrapped_material",
        "binding",
        "check_value",
        "public_key",
    )


@admin.register(TokenKey)
class TokenKeyAdmin(ReadOnlyAdmin):
    """The HSM's own keys, as they were pinned."""

    list_display = ("kind", "epoch", "fingerprint", "created_at")
    ordering = ("kind", "epoch")
    exclude: ClassVar = ("object_id",)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """When background processes last showed that they live."""

    list_display = ("name", "at")
