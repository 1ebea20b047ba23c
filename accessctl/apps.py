"""Application configuration of access control."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccessctlConfig(AppConfig):
    """Accounts, people, access keys, permissions."""

    name = "accessctl"

    def ready(self) -> None:
        """Keep one permission row for each operation; hear what allauth says."""
        # Models exist only now.
        from accessctl import factors, receivers  # noqa: PLC0415
        from accessctl.permissions import make_permission_rows  # noqa: PLC0415

        post_migrate.connect(
            make_permission_rows, sender=self, dispatch_uid="accessctl.permissions"
        )
        receivers.connect()
        factors.connect()
