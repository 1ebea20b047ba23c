"""Does operations in a data folder as its root user and as the service itself."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.conf import settings

from accessctl.credentials import principal_of
from accessctl.models import User
from keys.models import KeyVersion
from keys.operations import SYSTEM_OPERATIONS
from kmsconsole import clock, randomness
from kmsconsole.operations import registry
from kmsconsole.principals import Call, Kind, Principal
from kmsconsole.schedule import running, sweeps
from tests.faults.ledger import Ledger

# Recognised wherever it turns up that it must not.
PLAIN = b"CANARY-faults-0451"
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
_SYSTEMS = {operation.__name__: operation for operation in SYSTEM_OPERATIONS}


@contextmanager
def days_ago(days: float) -> Iterator[None]:
    """Put this process's clock back for a while."""
    real = clock.now
    clock.now = lambda: real() - timedelta(days=days)
    try:
        yield
    finally:
        clock.now = real


class Actor:
    """One process's way to do things; what succeeded is in the ledger at once."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path)
        self.root = principal_of(User.objects.filter(is_root=True).earliest("id"))
        self.service = Principal(Kind.SYSTEM, self.root.account_uin, 0, "service", "")

    def do(self, name: str, **data: Any) -> dict[str, Any]:
        """Do it, as the service itself where only that may; raises KMSError."""
        operation = _SYSTEMS.get(name)
        who = self.service if operation else self.root
        operation = operation or registry()[name]
        request = str(randomness.uuid4())
        call = Call(who, settings.KMS_REGIONS[0], request, "127.0.0.1")
        output: dict[str, Any] = operation.execute(call, data).output
        facts = {
            "key": output.get("KeyId") or data.get("KeyId"),
            "blob": output.get("CiphertextBlob"),
            "plain": output.get("Plaintext") or data.get("Plaintext"),
            "date": output.get("DeletionDate"),
        }
        known = {word: fact for word, fact in facts.items() if fact is not None}
        self.ledger.note(did=name, request=request, **known)
        return output

    def key(self, **data: Any) -> str:
        """Make a key of an unused name; its wrapped material is noted, too."""
        name = f"f-{randomness.token_bytes(8).hex()}"
        key_id: str = self.do("CreateKey", Alias=name, **data)["KeyId"]
        self.note_material(key_id)
        return key_id

    def note_material(self, key_id: str) -> None:
        """Note the stored blobs, to look for them when they should be gone."""
        for version in KeyVersion.objects.filter(key_id=key_id):
            if version.wrapped_material is not None:
                blob = bytes(version.wrapped_material).hex()
                self.ledger.note(did="stored", key=key_id, wrapped=blob)

    def encrypt(self, key_id: str) -> str:
        """Encrypt the canary; returns the ciphertext blob."""
        text = base64.b64encode(PLAIN).decode()
        blob: str = self.do("Encrypt", KeyId=key_id, Plaintext=text)["CiphertextBlob"]
        return blob

    def due_for_deletion(self, late_days: float = 1) -> str:
        """Make a key that was used and whose waiting period ended so long ago."""
        with days_ago(8 + late_days):
            key_id = self.key()
            self.encrypt(key_id)
            self.do("DisableKey", KeyId=key_id)
        with days_ago(7 + late_days):
            self.do("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        return key_id

    def due_for_rotation(self, late_days: float = 1) -> str:
        """Make a key that should have rotated so long ago."""
        with days_ago(7 + late_days):
            key_id = self.key()
            self.encrypt(key_id)
            self.do("EnableKeyRotation", KeyId=key_id, RotateDays=7)
        return key_id

    def parameters(self, key_id: str, material: bytes) -> dict[str, Any]:
        """Get import parameters and wrap the material with them."""
        given = self.do(
            "GetParametersForImport",
            KeyId=key_id,
            WrappingAlgorithm="RSAES_OAEP_SHA_256",
            WrappingKeySpec="RSA_2048",
        )
        public: Any = load_der_public_key(base64.b64decode(given["PublicKey"]))
        sealed = public.encrypt(material, _OAEP)
        return {
            "KeyId": key_id,
            "ImportToken": given["ImportToken"],
            "EncryptedKeyMaterial": base64.b64encode(sealed).decode(),
        }

    @staticmethod
    def sweep(name: str) -> dict[str, int]:
        """Run one sweep as `manage.py sweep NAME` does; returns its figures."""
        return running.run(sweeps.sweeps()[name])[0].figures()
