"""Keys of every kind and state, and people, in a running service's own database.

`python -m tests.furniture` in that service's environment prints their paths as JSON.
What lies in the past is made with the clock put back, through the operations
themselves.
"""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import django

from tests.server import PASSWORD, RunningServer

KEYS = {
    "order-documents": "Invoices and delivery notes",
    "hr-records": "Scanned contracts",
    "session-tokens": "Refresh tokens of the web shop",
    "mail-gateway": "SMTP credentials",
    "backup-archive": "Nightly database dumps",
    "payroll-2026": "Salary exports to the bank",
    "billing-cards": "Card numbers of the payment service",
}
PEOPLE = {
    "ann.lee": "Payroll",
    "bob.fischer": "Platform engineering, on call every second week",
    "billing-service": "Encrypts card numbers in the payment service",
    "backup-job": "",
    "ci": "Signs releases",
}
OFFICE_ONLY = json.dumps(
    {
        "version": "2.0",
        "statement": {
            "effect": "deny",
            "action": "*",
            "resource": "*",
            "condition": {"ip_not_equal": {"qcs:ip": ["10.0.0.0/8", "127.0.0.1"]}},
        },
    }
)
PAIRS = {
    "invoice-signing": "ASYMMETRIC_SIGN_VERIFY_ECC",
    "partner-inbox": "ASYMMETRIC_DECRYPT_RSA_2048",
    "old-partner": "ASYMMETRIC_DECRYPT_RSA_2048",
}
DATA_KEYS = {
    "card-vault": "Encrypts the table of cards",
    "archive-2024": "Scans of 2024, read by the auditors only",
    "scratch": "",
}
PRODUCTS = {"cos": "Object storage", "cbs": "Disks of virtual machines", "tdsql": ""}
BOUND = (
    ("cos", "orders-2026/invoices"),
    ("cos", "orders-2026/delivery-notes"),
    ("cbs", "disk-8f3a2c71"),
    ("archive", "tape-00017"),
)
HOLDERS = ("ann", "ben", "cara", "dan")
FIRST_SUB_ACCOUNT = 200_000_000_001


def put_into(server: RunningServer) -> dict[str, str]:
    """Furnish a running service; returns the paths of keys and data keys by name."""
    done = server.run("-m", "tests.furniture")
    paths: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return paths


def placeholders(paths: dict[str, str]) -> dict[str, str]:
    """Return the paths by the names that lists of pages have for them."""
    named = {name.replace("-", "_"): path for name, path in paths.items()}
    key = paths["billing-cards"]
    return named | {"key": key, "key_id": key.strip("/").rpartition("/")[2]}


@contextmanager
def days_ago(days: float) -> Iterator[None]:
    """Put the clock back for a while."""
    from kmsconsole import clock  # noqa: PLC0415 - after the settings

    real = clock.now
    clock.now = lambda: real() - timedelta(days=days)
    try:
        yield
    finally:
        clock.now = real


class _Furnisher:
    def __init__(self) -> None:
        from django.conf import settings  # noqa: PLC0415 - after the settings

        from accessctl.credentials import principal_of  # noqa: PLC0415
        from accessctl.models import User  # noqa: PLC0415
        from kmsconsole.principals import Call, Kind, Principal  # noqa: PLC0415

        self.region = settings.KMS_REGIONS[0]
        self.root = principal_of(User.objects.filter(is_root=True).earliest("id"))
        self.system = Principal(Kind.SYSTEM, self.root.account_uin, 0, "service", "")
        self.call = Call
        self.ids: dict[str, str] = {}
        self.data_key_ids: dict[str, str] = {}

    def do(self, name: str, principal: Any = None, **data: Any) -> dict[str, Any]:
        from keys import operations  # noqa: PLC0415 - after the settings
        from kmsconsole import randomness  # noqa: PLC0415
        from kmsconsole.operations import registry  # noqa: PLC0415

        who = principal or self.root
        call = self.call(who, self.region, str(randomness.uuid4()), "127.0.0.1")
        operation = getattr(operations, name, None) or registry()[name]
        output: dict[str, Any] = operation.execute(call, data).output
        return output

    def make(self, name: str, **more: Any) -> str:
        key_id: str = self.do("CreateKey", Alias=name, **more)["KeyId"]
        self.ids[name] = key_id
        return key_id

    def past(self) -> None:
        with days_ago(200):
            gone = self.make("crm-export", Description="Replaced by the new CRM")
            first = self.make("billing-cards", Description=KEYS["billing-cards"])
            self.do("EnableKeyRotation", KeyId=first, RotateDays=90)
        with days_ago(40):
            self.do("RotateKey", KeyId=first)
            self.do("DisableKey", KeyId=gone)
            reason = "Nothing was encrypted with it since March"
            days = {"PendingWindowInDays": 7, "Reason": reason}
            self.do("ScheduleKeyDeletion", KeyId=gone, **days)
        with days_ago(33):
            self.do("DestroyKey", self.system, KeyId=gone)
        with days_ago(2):
            for _ in range(5):
                self.do("Encrypt", KeyId=first, Plaintext="YQ==")

    def present(self) -> None:
        team = {"Tags": [{"TagKey": "team", "TagValue": "payments"}, {"TagKey": "pci"}]}
        self.do("TagKey", KeyId=self.ids["billing-cards"], **team)
        for name, description in KEYS.items():
            if name not in self.ids:
                self.make(name, Description=description)
        for name, usage in PAIRS.items():
            self.make(name, KeyUsage=usage)
        self.do("AllowLegacyPadding", KeyId=self.ids["old-partner"], Allowed=True)
        self.make("customer-owned", Type=2)
        self.do("EnableKeyRotation", KeyId=self.ids["payroll-2026"])
        self.do("ArchiveKey", KeyId=self.ids["backup-archive"])
        for name in ("hr-records", "mail-gateway"):
            self.do("DisableKey", KeyId=self.ids[name])
        self.do(
            "ScheduleKeyDeletion",
            KeyId=self.ids["mail-gateway"],
            PendingWindowInDays=12,
            Reason="The gateway was switched off",
        )
        self.products()
        secret = base64.b64encode(b"4929 1234 5678 9012").decode()
        self.do("Encrypt", KeyId=self.ids["billing-cards"], Plaintext=secret)

    def products(self) -> None:
        """Register products, with a key of their own and with resources on another."""
        from kmsconsole.principals import Kind, Principal  # noqa: PLC0415

        operator = Principal(Kind.OPERATOR, self.root.account_uin, 0, "operator", "")
        for code, name in PRODUCTS.items():
            self.do("CreateProduct", operator, Code=code, Name=name)
        self.do("UpdateProduct", operator, Code="cbs", Enabled=False)
        cloud = self.do("CreateCloudKey", self.system, Product="cos")
        self.ids["kms-cos"] = cloud["KeyId"]
        for product, resource in BOUND:
            named = {"ProductId": product, "ResourceId": resource}
            self.do("BindCloudResource", KeyId=self.ids["order-documents"], **named)

    def data_keys(self) -> None:
        """Keep data keys in every state under one key, and a used one."""
        for name, description in DATA_KEYS.items():
            asked = {"KeySpec": "AES_256", "IsHostedByKms": 1, "DataKeyName": name}
            made = self.do(
                "GenerateDataKey",
                KeyId=self.ids["billing-cards"],
                Description=description,
                **asked,
            )
            self.data_key_ids[name] = made["DataKeyId"]
        own = base64.b64encode(bytes(64)).decode()
        self.do(
            "ImportDataKey",
            KeyId=self.ids["payroll-2026"],
            DataKeyName="from-the-old-system",
            ImportType=2,
            ImportKeyMaterial=own,
        )
        for name in ("archive-2024", "scratch"):
            self.do("DisableDataKey", DataKeyId=self.data_key_ids[name])
        days = {"PendingWindowInDays": 12}
        self.do(
            "ScheduleDataKeyDeletion", DataKeyId=self.data_key_ids["scratch"], **days
        )

    def people(self) -> None:
        from accessctl import operations as o  # noqa: PLC0415 - after the settings
        from kmsconsole import randomness  # noqa: PLC0415

        def do(operation: Any, **data: Any) -> None:
            number = str(randomness.uuid4())
            operation.execute(
                self.call(self.root, self.region, number, "127.0.0.1"), data
            )

        for name, remark in PEOPLE.items():
            do(o.CreateSubAccount, Name=name, Remark=remark, Console="." in name)
        do(o.CreateGroup, Name="key-operators", Remark="Rotate and disable keys")
        do(o.AddGroupMembers, GroupName="key-operators", Users=["ann.lee", "ci"])
        do(o.CreatePolicy, Name="office-only", Document=OFFICE_ONLY)
        holders = {"Users": ["ann.lee"], "Groups": ["key-operators"]}
        do(o.AttachPolicy, PolicyName="office-only", **holders)
        do(o.AttachPolicy, PolicyName="QcloudKMSReadOnlyAccess", Users=["ann.lee"])
        do(o.DisableSubAccount, Users=["backup-job"])

    def rights(self) -> None:
        """Make sub-accounts and a group with rights, and a request that is open."""
        from django.contrib.auth.models import Group as DjangoGroup  # noqa: PLC0415

        from accessctl.credentials import principal_of  # noqa: PLC0415
        from accessctl.models import Account, Group, Membership, User  # noqa: PLC0415
        from kmsconsole import clock, randomness  # noqa: PLC0415

        account = Account.objects.get(uin=self.root.account_uin)
        made = {}
        for number, name in enumerate(HOLDERS, FIRST_SUB_ACCOUNT):
            user = User(uin=number, account=account, name=name)
            user.set_password(PASSWORD)
            user.save(force_insert=True)
            made[name] = user
        auth_group = DjangoGroup.objects.create(name=str(randomness.uuid4()))
        team = Group.objects.create(
            account=account, auth_group=auth_group, name="payments"
        )
        for name in ("ben", "cara"):
            Membership.objects.create(group=team, user=made[name])
        key = {"KeyId": self.ids["billing-cards"]}
        end = (clock.now() + timedelta(days=9)).isoformat()
        for data in (
            {"Users": ["ann"], "Rights": ["role.key-user"], "Until": end, **key},
            {"Groups": ["payments"], "Rights": ["role.encrypt-only"], **key},
            {"Users": ["cara"], "Rights": ["role.auditor"]},
            {"Users": ["dan"], "Rights": ["role.key-administrator"]},
        ):
            self.do("GrantAccess", **data)
        asked = {"Right": "role.decrypt-only", "Hours": 8, "Reason": "Refund of May"}
        self.do("RequestAccess", principal_of(made["ben"]), **asked, **key)


def main() -> None:
    """Make everything and print the paths."""
    from keys import usage  # noqa: PLC0415 - after the settings

    furnisher = _Furnisher()
    furnisher.past()
    furnisher.present()
    furnisher.data_keys()
    furnisher.people()
    furnisher.rights()
    usage.roll_up()
    keys = {name: f"/keys/{number}/" for name, number in furnisher.ids.items()}
    hosted = furnisher.data_key_ids.items()
    named = {name: f"/keys/data-keys/{number}/" for name, number in hosted}
    print(json.dumps(keys | named))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")
    django.setup()
    main()
