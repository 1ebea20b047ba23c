"""The Django admin as the operator's reading room."""

from typing import TYPE_CHECKING, Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import ModelAdmin
from django.contrib.admin.sites import AdminSite
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    _ModelAdmin = ModelAdmin[Model]
else:
    _ModelAdmin = ModelAdmin


class OperatorSite(AdminSite):
    """Shows rows; changes go through operations. Signs in where everybody does."""

    site_header = _("kmsconsole operator")
    site_title = _("kmsconsole operator")
    index_title = _("What is stored")

    def has_permission(self, request: HttpRequest) -> bool:
        """Let the operator in."""
        user = request.user
        return user.is_active and bool(getattr(user, "is_staff", False))

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send whoever is not signed in to the sign-in of the console."""
        page: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return page


class ReadOnlyAdmin(_ModelAdmin):
    """Rows to look at: nothing can be added, changed or deleted here."""

    actions = None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let whoever reached the site look."""
        return True

    def has_module_permission(self, request: HttpRequest) -> bool:
        """List the model."""
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Say no."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no."""
        return False
