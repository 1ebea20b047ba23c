"""Events in the operator's reading room."""

from typing import ClassVar

from django.contrib import admin

from kmsconsole.audit.models import AuditEvent
from kmsconsole.operator_site import ReadOnlyAdmin


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """What was done, tried and refused, in all accounts."""

    list_display = (
        "time",
        "operation",
        "outcome",
        "error_code",
        "principal_name",
        "account_uin",
        "key_id",
        "request_id",
    )
    list_filter = ("outcome", "operation")
    search_fields = ("=request_id", "=key_id", "=account_uin", "principal_name")
    ordering = ("-sequence",)
    exclude: ClassVar = ("digest", "signature_hash")
    show_full_result_count = False
