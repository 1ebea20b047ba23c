"""32 clients at once, mixed: no error, and each effect exactly once.

CLIENT_SECONDS sets for how long; a few seconds unless it is set.
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
COUNTED = (
    "from django import setup; setup(); import json, sys;"
    "from kmsconsole.audit.models import AuditEvent as E;"
    "from django.db.models import Count;"
    "rows = E.objects.filter(key_id=sys.argv[1]).values_list('operation', 'outcome');"
    "print(json.dumps([[o, r, n] for o, r, n in rows.annotate(n=Count('sequence'))]))"
)


class Client:
    """One client and what it did."""

    def __init__(self, number: int, sdk: kms_client.KmsClient, shared: str) -> None:
        self.sdk, self.shared, self.number = sdk, shared, number
        self.done: Counter[str] = Counter()
        self.made: list[str] = []
        self.said = ""
        self.error: BaseException | None = None
        self.own = ask(sdk, "CreateKey", Alias=unused_name()).KeyId

    def run(self, until: float) -> None:
        """Do one thing after another."""
        try:
            for turn in count(self.number):
                if time.monotonic() > until:
                    return
                self.DEEDS[turn % len(self.DEEDS)](self, turn)
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.error = error

    def _on_shared(self, action: str, **more: Any) -> Any:
        answer = ask(self.sdk, action, **more)
        self.done[action] += 1
        return answer

    def seal(self, turn: int) -> None:
        """Encrypt and decrypt with the key that all share."""
        plain = f"{turn:08}"
        sealed = self._on_shared("Encrypt", KeyId=self.shared, Plaintext=plain)
        blob = sealed.CiphertextBlob
        assert self._on_shared("Decrypt", CiphertextBlob=blob).Plaintext == plain

    def data_key(self, _turn: int) -> None:
        """Make a data key and open it again."""
        made = self._on_shared("GenerateDataKey", KeyId=self.shared, KeySpec="AES_256")
        blob = made.CiphertextBlob
        opened = self._on_shared("Decrypt", CiphertextBlob=blob)
        assert opened.Plaintext == made.Plaintext

    def create(self, _turn: int) -> None:
        """Make a key."""
        name = unused_name()
        ask(self.sdk, "CreateKey", Alias=name)
        self.made.append(name)

    def describe(self, turn: int) -> None:
        """Write to a key of one's own and read it back."""
        self.said = f"{self.number} {turn}"
        ask(self.sdk, "UpdateKeyDescription", KeyId=self.own, Description=self.said)
        seen = ask(self.sdk, "DescribeKey", KeyId=self.own).KeyMetadata
        assert seen.Description == self.said

    def toggle(self, _turn: int) -> None:
        """Disable and enable a key of one's own."""
        for action in ("DisableKey", "EnableKey"):
            ask(self.sdk, action, KeyId=self.own)

    DEEDS = (seal, data_key, seal, describe, seal, create, seal, toggle)


def test_many_clients_lose_and_double_nothing(
    connect: Connect, server: RunningServer, key_id: str
) -> None:
    clients = [Client(number, connect(), key_id) for number in range(CLIENTS)]
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=each.run, args=(until,)) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [each.error for each in clients if each.error]
    assert not errors, errors[:3]
    done: Counter[str] = sum((each.done for each in clients), Counter())
    made = [name for each in clients for name in each.made]
    assert min(done.values()) > CLIENTS
    assert made
    rows = json.loads(server.run("-c", COUNTED, key_id).stdout)
    recorded = {operation: number for operation, outcome, number in rows}
    assert {outcome for _, outcome, _ in rows} == {"success"}
    assert recorded == dict(done) | {"CreateKey": 1}
    reader = clients[0].sdk
    listed: Counter[str] = Counter()
    for offset in count(0, 200):
        page = ask(reader, "ListKeyDetail", Offset=offset, Limit=200).KeyMetadatas
        listed.update(row.Alias for row in page)
        if len(page) < 200:
            break
    assert {listed[name] for name in made} == {1}
    for each in clients:
        seen = ask(reader, "DescribeKey", KeyId=each.own).KeyMetadata
        assert (seen.Description, seen.KeyState) == (each.said, "Enabled")
    print(f"{CLIENTS} clients, {SECONDS:.0f} s: {sum(done.values())} uses of one key")
