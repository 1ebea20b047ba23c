"""The Django admin as the operator's reading room."""

from typing import TYPE_CHECKING, Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.sites import AdminSite
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    _ModelAdmin = ModelAdmin[Model]
else:
    _ModelAdmin = ModelAdmin


class OperatorSite(AdminSite):
    """Shows rows; changes go through operations. Signs in where everybody does.

    Only an operator with a second factor is let in.
    """

    site_header = _("kmsconsole operator")
    site_title = _("kmsconsole operator")
    index_title = _("What is stored")

    def register(
        self, model_or_iterable: Any, admin_class: Any = None, **options: Any
    ) -> None:
        """Take pages that only read; those other applications bring can write."""
        if admin_class is not None and issubclass(admin_class, ReadOnlyAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[Any]:
        """Leave out what the console does by an operation."""
        elsewhere = {"password_change", "password_change_done"}
        return [
            url
            for url in super().get_urls()
            if getattr(url, "name", None) not in elsewhere
        ]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's
        """Answer reading only, on whatever page."""
        return super().admin_view(require_safe(view), cacheable)

    def has_permission(self, request: HttpRequest) -> bool:
        """Let the operator in."""
        user = request.user
        staff = user.is_active and bool(getattr(user, "is_staff", False))
        return staff and is_mfa_enabled(user)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send whoever is not signed in to the sign-in of the console.

        An operator without a second factor is sent to set one up first.
        """
        user = request.user
        if getattr(user, "is_staff", False) and not is_mfa_enabled(user):
            messages.info(request, _("Set up a second factor to see the records."))
            return redirect("mfa_index")
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
