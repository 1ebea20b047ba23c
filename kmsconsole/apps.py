"""Application configuration of the project package."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class KmsconsoleConfig(AppConfig):
    """The kernel: operations, principals, errors."""

    name = "kmsconsole"


class OperatorAdminConfig(AdminConfig):
    """Puts the operator's site in the place of the stock admin."""

    default_site = "kmsconsole.operator_site.OperatorSite"
