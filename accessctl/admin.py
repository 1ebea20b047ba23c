"""Accounts, people and their rights in the operator's reading room; no secrets."""

from typing import ClassVar

from django.contrib import admin

from accessctl.models import (
    AccessKey,
    AccessRequest,
    Account,
    Group,
    GroupAccountGrant,
    GroupKeyGrant,
    Membership,
    Policy,
    PolicyAttachment,
    Product,
    ProductCredential,
    User,
    UserAccountGrant,
    UserKeyGrant,
)
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


@admin.register(Product)
class ProductAdmin(ReadOnlyAdmin):
    """Cloud products."""

    list_display = ("code", "name", "uin", "is_enabled", "created_at")
    list_filter = ("is_enabled",)
    search_fields = ("code", "name", "=uin")


@admin.register(ProductCredential)
class ProductCredentialAdmin(ReadOnlyAdmin):
    """SecretIds of products, without their secrets."""

    list_display = ("secret_id", "product", "created_at")
    list_select_related = ("product",)
    search_fields = ("secret_id", "product__code")
    exclude: ClassVar = ("sealed_secret",)


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    """Groups of all accounts."""

    list_display = ("name", "account", "created_at")
    list_select_related = ("account",)
    search_fields = ("name", "=account__uin")


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """Who is in which group."""

    list_display = ("group", "user")
    list_select_related = ("group", "user")
    search_fields = ("group__name", "user__name")


@admin.register(UserAccountGrant, UserKeyGrant)
class UserGrantAdmin(ReadOnlyAdmin):
    """Rights of people, on an account or on a key."""

    list_display = (
        "user",
        "permission",
        "content_object",
        "expires_at",
        "granted_by_name",
        "granted_at",
    )
    list_select_related = ("user", "permission__content_type", "content_object")
    search_fields = ("user__name", "permission__codename")


@admin.register(GroupAccountGrant, GroupKeyGrant)
class GroupGrantAdmin(ReadOnlyAdmin):
    """Rights of groups, on an account or on a key."""

    list_display = (
        "group",
        "permission",
        "content_object",
        "expires_at",
        "granted_by_name",
        "granted_at",
    )
    list_select_related = ("group", "permission__content_type", "content_object")
    search_fields = ("group__owner__name", "permission__codename")


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin):
    """Policy documents of all accounts."""

    list_display = ("name", "account", "revision", "updated_at")
    list_select_related = ("account",)
    search_fields = ("name", "=account__uin")


@admin.register(PolicyAttachment)
class PolicyAttachmentAdmin(ReadOnlyAdmin):
    """Which policy holds for whom."""

    list_display = ("policy", "predefined", "user", "group", "attached_by_name")
    list_select_related = ("policy", "user", "group")
    search_fields = ("policy__name", "predefined", "user__name", "group__name")


@admin.register(AccessRequest)
class AccessRequestAdmin(ReadOnlyAdmin):
    """Who asked for access, and what was decided."""

    list_display = ("requester", "right", "key_id", "state", "created_at", "until")
    list_select_related = ("requester",)
    list_filter = ("state",)
    search_fields = ("requester__name", "=key_id")
