"""Keep a configuration secret encrypted, and open it when a program starts.

    python examples/sensitive_data.py store --key KEY_ID database_password secrets.json
    python examples/sensitive_data.py run secrets.json

`store` asks for the secret (or reads it from standard input), encrypts it under a
customer master key and writes only ciphertext to the file. `run` is the program: at
start it decrypts everything in the file and keeps it in memory. The name of a secret is
its encryption context, so that two entries of the file can't be swapped.
"""

import argparse
import base64
import getpass
import json
import os
import sys
from pathlib import Path

from connection import client
from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
    TencentCloudSDKException,
)
from tencentcloud.kms.v20190118 import models

MOST_BYTES = 4096


def store(key_id: str, name: str, secret: bytes, file: Path) -> None:
    """Encrypt one secret of up to 4096 bytes and put it into the file."""
    request = models.EncryptRequest()
    request.KeyId = key_id
    request.Plaintext = base64.b64encode(secret).decode("ascii")
    request.EncryptionContext = json.dumps({"secret": name})
    entries = json.loads(file.read_text()) if file.exists() else {}
    entries[name] = client().Encrypt(request).CiphertextBlob
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(json.dumps(entries, indent=2) + "\n")
    fresh.replace(file)


def load(file: Path) -> dict[str, bytes]:
    """Decrypt every secret of the file."""
    service = client()
    opened = {}
    for name, blob in json.loads(file.read_text()).items():
        request = models.DecryptRequest()
        request.CiphertextBlob = blob
        request.EncryptionContext = json.dumps({"secret": name})
        opened[name] = base64.b64decode(service.Decrypt(request).Plaintext)
    return opened


def _read_secret() -> bytes:
    if sys.stdin.isatty():
        return getpass.getpass("Secret: ").encode()
    return sys.stdin.buffer.read(MOST_BYTES + 1)


def main() -> int:
    """Run one action; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    storing = actions.add_parser("store")
    storing.add_argument("--key", required=True, help="key ID")
    storing.add_argument("name")
    storing.add_argument("file", type=Path)
    actions.add_parser("run").add_argument("file", type=Path)
    arguments = parser.parse_args()
    try:
        if arguments.action == "store":
            secret = _read_secret()
            if not 0 < len(secret) <= MOST_BYTES:
                print(f"A secret has 1 to {MOST_BYTES} bytes.", file=sys.stderr)
                return 1
            store(arguments.key, arguments.name, secret, arguments.file)
            return 0
        secrets = load(arguments.file)
    except TencentCloudSDKException as error:
        print(f"Refused by the service: {error}", file=sys.stderr)
        return 1
    # A real program would connect now; this one shows that it could.
    for name, value in secrets.items():
        print(f"{name}: {len(value)} bytes, ready in process {os.getpid()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
