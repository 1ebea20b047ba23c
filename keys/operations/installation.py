"""What this installation offers."""

from typing import Any

from django.conf import settings

from keys.crypto import algorithms
from keys.models import CustomerMasterKey
from keys.operations.data_keys import data_keys_here
from kmsconsole.operations import Effect, Operation, Scope


class GetServiceStatus(Operation):
    """Whether the service is on, and its limits."""

    effect = Effect.READ
    scope = Scope.ACCOUNT

    def perform(self, data: Any) -> dict[str, Any]:
        """Return the documented fields; there is nothing to buy or renew here."""
        call = self.call
        keys = CustomerMasterKey.objects.in_region(
            call.principal.account_uin, call.region
        )
        return {
            "ServiceEnabled": True,
            "InvalidType": 1,
            "UserLevel": 1,
            "ProExpireTime": 0,
            "ProRenewFlag": 0,
            "ProResourceId": "",
            "ExclusiveVSMEnabled": False,
            "ExclusiveHSMEnabled": False,
            "SubscriptionInfo": "",
            "CmkUserCount": keys.counting_towards_limit().count(),
            "CmkLimit": settings.KMS_CMK_LIMIT,
            "ExclusiveHSMList": [],
            "IsAllowedDataKeyHosted": True,
            "DataKeyLimit": settings.KMS_DATA_KEY_LIMIT,
            "FreeDataKeyLimit": settings.KMS_DATA_KEY_LIMIT,
            "DataKeyUsedCount": data_keys_here(self).counting_towards_limit().count(),
            "SyncTaskList": [],
            "IsAllowedSync": False,
            "MultiAccountLimit": 0,
            "MultiAccountUsedCount": 0,
        }


class GetRegions(Operation):
    """The regions of this installation."""

    effect = Effect.READ
    scope = Scope.ACCOUNT

    def perform(self, data: Any) -> dict[str, Any]:
        """Return their codes, the default one first."""
        return {"Regions": list(settings.KMS_REGIONS)}


class ListAlgorithms(Operation):
    """What kinds of keys can be created here."""

    effect = Effect.READ
    scope = Scope.ACCOUNT

    def perform(self, data: Any) -> dict[str, Any]:
        """Return usage and algorithm, by group."""
        return {
            f"{group}Algorithms": [
                {"KeyUsage": kind.usage, "Algorithm": kind.algorithm}
                for kind in algorithms.KEY_TYPES
                if kind.group == group
            ]
            for group in ("Symmetric", "Asymmetric", "AsymmetricSignVerify")
        }
