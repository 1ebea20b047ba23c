"""A small object store of a cloud product: what its customers store is encrypted.

    python examples/object_store.py put ACCOUNT BUCKET NAME FILE
    python examples/object_store.py get ACCOUNT BUCKET NAME FILE
    python examples/object_store.py remove ACCOUNT BUCKET NAME

The store is a product that the operator registered (manage.py create_product CODE); its
SecretId acts for the account that a request names in MemberAccount. Each object has a
data key of its own under the key that the product owns in that account: the first
object makes it. `--key KEY_ID` takes a key of the customer instead, after the customer
bound it to the product; as long as objects need it, it can't be disabled or deleted.

Data and the encrypted data key lie under KMS_STORE (./objects). Name, bucket and
account are bound to both, so that exchanging files is noticed.
"""

import argparse
import base64
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from connection import client
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
    TencentCloudSDKException,
)

NONCE = 12


class ObjectRefused(Exception):
    """There is no such object, or its files are not as they were written."""


class Store:
    """The objects of one account and bucket."""

    def __init__(self, folder: Path, account: int, bucket: str) -> None:
        self.account, self.bucket = account, bucket
        self.folder = folder / str(account) / _digest(bucket)
        self.kms = client()

    def ask(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Call the service on behalf of the account."""
        member = {"MemberAccount": {"MemberUin": self.account}}
        # No request class of the SDK has this field for every action: call by name.
        answer: dict[str, Any] = self.kms.call_json(action, parameters | member)
        return answer["Response"]

    def put(self, name: str, data: bytes, key_id: str = "") -> None:
        """Encrypt under a fresh data key and store both."""
        own = {"KeyId": key_id} if key_id else {}
        context = self._context(name)
        made = self.ask(
            "GenerateDataKey", KeySpec="AES_256", EncryptionContext=context, **own
        )
        if key_id:
            self._bind("BindCloudResource", key_id, name)
        nonce = os.urandom(NONCE)
        cipher = AESGCM(base64.b64decode(made["Plaintext"]))
        sealed = cipher.encrypt(nonce, data, context.encode())
        head = {"blob": made["CiphertextBlob"], "key": key_id}
        content = json.dumps(head).encode() + b"\n" + nonce + sealed
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self._file(name).with_suffix(".part")
        fresh.write_bytes(content)
        fresh.replace(self._file(name))

    def get(self, name: str) -> bytes:
        """Return an object; raises ObjectRefused."""
        head, sealed = self._read(name)
        context = self._context(name)
        answer = self.ask(
            "Decrypt", CiphertextBlob=head["blob"], EncryptionContext=context
        )
        cipher = AESGCM(base64.b64decode(answer["Plaintext"]))
        try:
            return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], context.encode())
        except InvalidTag:
            raise ObjectRefused from None

    def remove(self, name: str) -> None:
        """Remove an object, and release the customer's key if it had one."""
        head, _sealed = self._read(name)
        self._file(name).unlink()
        if head["key"]:
            self._bind("UnbindCloudResource", head["key"], name)

    def _read(self, name: str) -> tuple[dict[str, str], bytes]:
        try:
            head, _, sealed = self._file(name).read_bytes().partition(b"\n")
            return json.loads(head), sealed
        except (OSError, ValueError):
            raise ObjectRefused from None

    def _file(self, name: str) -> Path:
        return self.folder / _digest(name)

    def _context(self, name: str) -> str:
        whose = {"account": str(self.account), "bucket": self.bucket, "name": name}
        return json.dumps(whose, sort_keys=True)

    def _bind(self, action: str, key_id: str, name: str) -> None:
        resource = _digest(f"{self.bucket}/{name}")
        product = os.environ["KMS_PRODUCT"]
        self.ask(action, KeyId=key_id, ProductId=product, ResourceId=resource)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> int:
    """Run one action; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    for word in ("put", "get", "remove"):
        action = actions.add_parser(word)
        action.add_argument("account", type=int)
        action.add_argument("bucket")
        action.add_argument("name")
        if word == "put":
            action.add_argument("--key", default="", help="a key of the customer")
        if word != "remove":
            action.add_argument("file", type=Path)
    given = parser.parse_args()
    folder = Path(os.environ.get("KMS_STORE", "objects"))
    store = Store(folder, given.account, given.bucket)
    try:
        if given.action == "put":
            store.put(given.name, given.file.read_bytes(), given.key)
        elif given.action == "get":
            given.file.write_bytes(store.get(given.name))
        else:
            store.remove(given.name)
    except ObjectRefused:
        print("Refused: no such object, or not as it was written.", file=sys.stderr)
        return 1
    except TencentCloudSDKException as error:
        print(f"Refused by the service: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
