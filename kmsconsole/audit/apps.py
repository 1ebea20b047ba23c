"""Application configuration of the audit."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Events, written by operations only."""

    name = "kmsconsole.audit"
    label = "audit"
