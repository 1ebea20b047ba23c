"""Encrypt a file of any size; only its data key ever travels to the service.

    python examples/envelope.py encrypt --key KEY_ID report.pdf report.pdf.kms
    python examples/envelope.py decrypt report.pdf.kms report.pdf

Both take --context NAME=VALUE, as often as needed: what was given to encrypt must be
given again to decrypt. The console's page Files reads and writes the same files.

The file format is described in docs/envelope.md. Each chunk of 1 MiB has its own nonce,
made of a random prefix, a counter and a flag on the last chunk, and is bound to the
header: cutting the file short, swapping chunks or mixing two files is refused.
"""

import argparse
import base64
import json
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from connection import client
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
    TencentCloudSDKException,
)
from tencentcloud.kms.v20190118 import models

MAGIC = b"KMSENV\x00\x01"
CHUNK = 1024 * 1024
TAG = 16
PREFIX = 7
MARK = {"format": "kmsconsole-envelope-1"}
_FIXED = struct.Struct(f">8sIH{PREFIX}s")
_LONGEST_BLOB = 4096


class EnvelopeRefused(Exception):
    """The file is no envelope, or not as it was written."""


def encrypt(
    key_id: str, context: dict[str, str], source: BinaryIO, target: BinaryIO
) -> Iterator[int]:
    """Encrypt `source` under a fresh data key; yields the bytes done so far."""
    request = models.GenerateDataKeyRequest()
    request.KeyId, request.KeySpec = key_id, "AES_256"
    request.EncryptionContext = _context(context)
    answer = client().GenerateDataKey(request)
    cipher = AESGCM(base64.b64decode(answer.Plaintext))
    blob = answer.CiphertextBlob.encode("ascii")
    prefix = os.urandom(PREFIX)
    header = _FIXED.pack(MAGIC, CHUNK, len(blob), prefix) + blob
    target.write(header)
    done = counter = 0
    chunk = source.read(CHUNK)
    while True:
        # Only a look ahead tells whether this chunk is the last one.
        following = source.read(CHUNK)
        nonce = _nonce(prefix, counter, last=not following)
        target.write(cipher.encrypt(nonce, chunk, header))
        done += len(chunk)
        yield done
        if not following:
            return
        chunk, counter = following, counter + 1


def decrypt(
    context: dict[str, str], source: BinaryIO, target: BinaryIO
) -> Iterator[int]:
    """Decrypt an envelope; yields the bytes done, raises EnvelopeRefused."""
    fixed = source.read(_FIXED.size)
    if len(fixed) != _FIXED.size:
        raise EnvelopeRefused
    magic, size, blob_length, prefix = _FIXED.unpack(fixed)
    if magic != MAGIC or size != CHUNK or not 0 < blob_length <= _LONGEST_BLOB:
        raise EnvelopeRefused
    blob = source.read(blob_length)
    header = fixed + blob
    request = models.DecryptRequest()
    request.CiphertextBlob = blob.decode("ascii", errors="replace")
    request.EncryptionContext = _context(context)
    cipher = AESGCM(base64.b64decode(client().Decrypt(request).Plaintext))
    done = counter = 0
    chunk = source.read(CHUNK + TAG)
    while True:
        following = source.read(CHUNK + TAG)
        nonce = _nonce(prefix, counter, last=not following)
        try:
            plain = cipher.decrypt(nonce, chunk, header)
        except (InvalidTag, ValueError):
            raise EnvelopeRefused from None
        target.write(plain)
        done += len(plain)
        yield done
        if not following:
            return
        chunk, counter = following, counter + 1


def _nonce(prefix: bytes, counter: int, *, last: bool) -> bytes:
    return prefix + struct.pack(">IB", counter, last)


def _context(given: dict[str, str]) -> str:
    return json.dumps(given | MARK, ensure_ascii=False)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name in MARK:
        raise argparse.ArgumentTypeError("not NAME=VALUE, or the name is taken")
    return name, value


def _run(arguments: argparse.Namespace) -> None:
    # What is not complete and verified never gets the target's name.
    partial = arguments.target.with_name(arguments.target.name + ".part")
    total = arguments.source.stat().st_size or 1
    try:
        with arguments.source.open("rb") as source, partial.open("wb") as target:
            partial.chmod(0o600)
            steps = (
                encrypt(arguments.key, dict(arguments.context), source, target)
                if arguments.action == "encrypt"
                else decrypt(dict(arguments.context), source, target)
            )
            for done in steps:
                share = min(100, done * 100 // total)
                print(f"\r{done:>14,} bytes  {share:3} %", end="", file=sys.stderr)
            print(file=sys.stderr)
        partial.replace(arguments.target)
    finally:
        partial.unlink(missing_ok=True)


def main() -> int:
    """Run one action; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("encrypt", "decrypt"):
        action = actions.add_parser(name)
        if name == "encrypt":
            action.add_argument("--key", required=True, help="key ID")
        action.add_argument(
            "--context",
            metavar="NAME=VALUE",
            type=_pair,
            action="append",
            default=[],
            help="bound to the file; may be given more than once",
        )
        action.add_argument("source", type=Path)
        action.add_argument("target", type=Path)
    try:
        _run(parser.parse_args())
    except EnvelopeRefused:
        print("\nRefused: not an envelope, or not as it was written.", file=sys.stderr)
        return 1
    except TencentCloudSDKException as error:
        print(f"\nRefused by the service: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
