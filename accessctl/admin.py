"""Accounts, people and access keys in the operator's reading room; no secrets."""

from typing import ClassVar

from django.contrib import admin

from accessctl.models import AccessKey, Account, User
from kmsconsole.operator_site import ReadOnlyAdmin


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Main accounts."""

    list_display = ("uin", "name", "require_signed_action", "created_at")
    search_fields = ("=uin", "name")


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People and programs, without their passwords."""

    list_display = ("name", "account", "uin", "is_root", "is_staff", "is_active")
    list_select_related = ("account",)
    list_filter = ("is_root", "is_staff", "is_active")
    search_fields = ("name", "=uin", "=account__uin")
    exclude: ClassVar = ("password",)


@admin.register(AccessKey)
class AccessKeyAdmin(ReadOnlyAdmin):
    """SecretIds, without their secrets."""

    list_display = ("secret_id", "user", "is_enabled", "expires_at", "created_at")
    list_select_related = ("user",)
    list_filter = ("is_enabled",)
    search_fields = ("secret_id", "user__name")
    exclude: ClassVar = ("sealed_secret",)
