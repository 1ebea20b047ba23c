"""Signed requests to a running service, over HTTP, by threads that note every answer.

What was answered is in the ledger; what was cut off may or may not have happened.
"""

import base64
import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - chance that can be had again
from typing import Any

from tests.api.wire import VERSION, Message
from tests.faults.ledger import Ledger

PLAIN = base64.b64encode(b"CANARY-faults-0451").decode()
REGION = "ap-guangzhou"
_PATIENCE_SECONDS = 10


class Refused(Exception):
    """The service answered, with this code."""


@dataclass
class Client:
    """An access key, and the address of a service."""

    port: int
    secret: dict[str, str]
    ledger: Ledger

    def ask(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer; OSError where none came, Refused with its code."""
        headers = {"X-TC-Version": VERSION, "X-TC-Region": REGION}
        body = json.dumps(parameters).encode()
        message = Message(action, body, host=f"127.0.0.1:{self.port}", headers=headers)
        signature = message.signature(self.secret["SecretKey"])
        sent = message.sent_headers()
        sent["Authorization"] = message.authorization(
            self.secret["SecretId"], signature
        )
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=_PATIENCE_SECONDS
        )
        try:
            connection.request("POST", "/", body, sent)
            answer = connection.getresponse()
            response = json.loads(answer.read())["Response"]
        except (http.client.HTTPException, ValueError) as cut:
            raise OSError(str(cut)) from None
        finally:
            connection.close()
        if "Error" in response:
            raise Refused(response["Error"]["Code"])
        found: dict[str, Any] = response
        self._note(action, parameters, found)
        return found

    def _note(self, action: str, asked: dict[str, Any], answer: dict[str, Any]) -> None:
        facts = {
            "key": answer.get("KeyId") or asked.get("KeyId"),
            "blob": answer.get("CiphertextBlob"),
            "plain": answer.get("Plaintext") or asked.get("Plaintext"),
        }
        known = {word: fact for word, fact in facts.items() if fact}
        self.ledger.note(did=action, request=answer["RequestId"], **known)


@dataclass
class Load:
    """Threads that work until told to stop; each has keys of its own."""

    port: int
    secret: dict[str, str]
    folder: Path
    seed: int
    threads: int = 3
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(self.threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def answered(self) -> int:
        """How many requests succeeded so far."""
        return self.counts["done"]

    def stop(self) -> None:
        """Let each thread finish its request."""
        self._end.set()
        for thread in self._threads:
            thread.join(2 * _PATIENCE_SECONDS)

    def _work(self, number: int) -> None:
        chance = Random(self.seed + number)
        client = Client(
            self.port, self.secret, Ledger(self.folder / f"ledger-load-{number}")
        )
        keys: list[str] = []
        while not self._end.is_set():
            try:
                self._one(client, chance, keys, number)
                self.counts["done"] += 1
            except Refused as refusal:
                self.counts[f"refused {refusal}"] += 1
            except OSError:
                self.counts["cut off"] += 1
                time.sleep(0.05)

    def _one(
        self, client: Client, chance: Random, keys: list[str], number: int
    ) -> None:
        if len(keys) < 3 or chance.random() < 0.1:
            alias = f"l{number}-{chance.randrange(10**12):012d}"
            keys.append(client.ask("CreateKey", Alias=alias)["KeyId"])
            del keys[:-6]
            return
        key = chance.choice(keys)
        action = chance.choice(("Encrypt",) * 4 + ("GenerateDataKey", "turn", "rotate"))
        if action == "Encrypt":
            blob = client.ask("Encrypt", KeyId=key, Plaintext=PLAIN)["CiphertextBlob"]
            found = client.ask("Decrypt", CiphertextBlob=blob)
            if found["Plaintext"] != PLAIN:
                self.counts["wrong plaintext"] += 1
        elif action == "GenerateDataKey":
            client.ask("GenerateDataKey", KeyId=key, KeySpec="AES_256")
        elif action == "turn":
            client.ask("DisableKey", KeyId=key)
            client.ask("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
            client.ask("CancelKeyDeletion", KeyId=key)
            client.ask("EnableKey", KeyId=key)
        else:
            client.ask("EnableKeyRotation", KeyId=key, RotateDays=chance.randint(7, 90))
            client.ask("RotateKey", KeyId=key)
