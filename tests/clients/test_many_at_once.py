"""32 clients at once, mixed: no error, and each effect exactly once.

Each client counts what it was told to have done, by key and action. Afterwards the
audit must hold exactly that for every key, and the database the last word of each: what
is missing was lost, what is there twice was doubled. CLIENT_SECONDS sets for how long:
a few seconds unless it is set; CI says 60.
"""

import json
import os
import threading
import time
from collections import Counter
from itertools import count
from typing import Any

from tencentcloud.kms.v20190118 import kms_client

from tests.clients.sdk import Connect, ask, unused_name
from tests.server import RunningServer

CLIENTS = 32
SECONDS = float(os.environ.get("CLIENT_SECONDS", "6"))
BOUND = {"ProductId": "ssm"}
SEEN = """
from django import setup; setup()
import json
from django.db.models import Count
from keys.models import DataKey, ResourceBinding
from kmsconsole.audit.models import AuditEvent
events = AuditEvent.objects.exclude(key_id=None).values_list(
    "key_id", "operation", "outcome"
)
print(json.dumps({
    "events": list(events.annotate(number=Count("sequence"))),
    "bound": list(ResourceBinding.objects.values_list("resource_id", flat=True)),
    "kept": list(DataKey.objects.values_list("name", flat=True)),
}))
"""


class Client:
    """One client and what it was told to have done, by key and action."""

    def __init__(
        self, number: int, sdk: kms_client.KmsClient, shared: str, pair: str
    ) -> None:
        self.sdk, self.shared, self.pair, self.number = sdk, shared, pair, number
        self.done: Counter[tuple[str, str]] = Counter()
        self.made: list[str] = []
        self.bound: set[str] = set()
        self.kept: list[str] = []
        self.said = ""
        self.error: BaseException | None = None
        self.own = self.create(0)

    def run(self, until: float) -> None:
        """Do one thing after another."""
        try:
            for turn in count(self.number):
                if time.monotonic() > until:
                    return
                self.DEEDS[turn % len(self.DEEDS)](self, turn)
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.error = error

    def _use(self, key_id: str, action: str, **more: Any) -> Any:
        answer = ask(self.sdk, action, **more)
        self.done[key_id, action] += 1
        return answer

    def seal(self, turn: int) -> None:
        """Encrypt and decrypt with the key that all share."""
        plain, key = f"{turn:08}", self.shared
        sealed = self._use(key, "Encrypt", KeyId=key, Plaintext=plain)
        opened = self._use(key, "Decrypt", CiphertextBlob=sealed.CiphertextBlob)
        assert opened.Plaintext == plain

    def data_key(self, _turn: int) -> None:
        """Make a data key that is kept, and open it again."""
        key, name = self.shared, unused_name()
        asked = {"KeyId": key, "KeySpec": "AES_256"}
        kept = {"IsHostedByKms": 1, "DataKeyName": name}
        made = ask(self.sdk, "GenerateDataKey", **asked, **kept)
        self.kept.append(name)
        # The audit tells a data key that is kept from one that is not.
        self.done[key, "GenerateHostedDataKey"] += 1
        opened = self._use(key, "Decrypt", CiphertextBlob=made.CiphertextBlob)
        assert opened.Plaintext == made.Plaintext

    def sign(self, turn: int) -> None:
        """Sign and verify with the pair that all share."""
        asked = {"KeyId": self.pair, "Algorithm": "ECC_P256_R1"}
        asked["Message"] = f"{turn:08}"
        made = self._use(self.pair, "SignByAsymmetricKey", **asked)
        more = {"SignatureValue": made.Signature}
        told = self._use(self.pair, "VerifyByAsymmetricKey", **asked, **more)
        assert told.SignatureValid

    def create(self, _turn: int) -> str:
        """Make a key."""
        name = unused_name()
        key_id: str = ask(self.sdk, "CreateKey", Alias=name).KeyId
        self.done[key_id, "CreateKey"] += 1
        self.made.append(name)
        return key_id

    def describe(self, turn: int) -> None:
        """Write to a key of one's own and read it back."""
        self.said, key = f"{self.number} {turn}", {"KeyId": self.own}
        self._use(self.own, "UpdateKeyDescription", **key, Description=self.said)
        seen = self._use(self.own, "DescribeKey", **key).KeyMetadata
        assert seen.Description == self.said

    def toggle(self, _turn: int) -> None:
        """Disable and enable a key of one's own."""
        # Two actions with one body in one second are one signature, good for 2 s: on a
        # machine that pauses for longer the second one would be a replay.
        self._use(self.own, "DisableKey", KeyId=self.own)
        self._use(self.own, "EnableKeys", KeyIds=[self.own])

    def bind(self, turn: int) -> None:
        """Bind one more resource to the key that all share, or release one."""
        action, name = "BindCloudResource", f"{self.number}-{turn}"
        if len(self.bound) > 1:
            action, name = "UnbindCloudResource", self.bound.pop()
        else:
            self.bound.add(name)
        self._use(self.shared, action, KeyId=self.shared, **BOUND, ResourceId=name)

    DEEDS = (seal, data_key, bind, seal, describe, sign, seal, create, bind, toggle)


def together(clients: list[Client]) -> None:
    """Let all of them work at the same time; nobody may meet an error."""
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=each.run, args=(until,)) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [each.error for each in clients if each.error]
    assert not errors, errors[:3]


def listed(sdk: kms_client.KmsClient) -> Counter[str]:
    """Return how often each name is in the list of keys."""
    found: Counter[str] = Counter()
    for offset in count(0, 200):
        page = ask(sdk, "ListKeyDetail", Offset=offset, Limit=200).KeyMetadatas
        found.update(row.Alias for row in page)
        if len(page) < 200:
            return found
    return found


def test_many_clients_lose_and_double_nothing(
    connect: Connect, server: RunningServer, key_id: str
) -> None:
    usage = "ASYMMETRIC_SIGN_VERIFY_ECC"
    pair = ask(connect(), "CreateKey", Alias=unused_name(), KeyUsage=usage).KeyId
    clients = [Client(number, connect(), key_id, pair) for number in range(CLIENTS)]
    together(clients)
    done: Counter[tuple[str, str]] = sum((each.done for each in clients), Counter())
    assert min(done[key_id, action] for action in ("Encrypt", "Decrypt")) > CLIENTS
    assert {action for _, action in done} == {
        *("Encrypt", "Decrypt", "GenerateHostedDataKey", "CreateKey"),
        *("DescribeKey", "UpdateKeyDescription", "DisableKey", "EnableKeys"),
        *("SignByAsymmetricKey", "VerifyByAsymmetricKey"),
        *("BindCloudResource", "UnbindCloudResource"),
    }
    done.update([(key_id, "CreateKey"), (pair, "CreateKey")])
    seen = json.loads(server.run("-c", SEEN).stdout)
    ours = {key for key, _ in done}
    recorded = [row for row in seen["events"] if row[0] in ours]
    assert {outcome for _, _, outcome, _ in recorded} == {"success"}
    assert {(key, name): number for key, name, _, number in recorded} == dict(done)
    names = [name for each in clients for name in each.kept]
    assert names
    kept = Counter(name for name in seen["kept"] if name in set(names))
    assert kept == Counter(names)
    bound = Counter(name for each in clients for name in each.bound)
    assert Counter(name for name in seen["bound"] if name in bound) == bound
    mine = tuple(f"{number}-" for number in range(CLIENTS))
    assert {name for name in seen["bound"] if name.startswith(mine)} == set(bound)
    found = listed(clients[0].sdk)
    assert {found[name] for each in clients for name in each.made} == {1}
    for each in clients:
        row = ask(each.sdk, "DescribeKey", KeyId=each.own).KeyMetadata
        assert (row.Description, row.KeyState) == (each.said, "Enabled")
    print(f"{CLIENTS} clients, {SECONDS:.0f} s: {sum(done.values())} things done")
