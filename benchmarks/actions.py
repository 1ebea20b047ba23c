"""The requests that are measured: of each action many, no two with one signature."""

import base64
import time
from collections.abc import Callable

from benchmarks import servers
from benchmarks.load import Prepared, Signer, encrypt_requests

_BLOBS = 150
# Every signature is accepted for 300 s before and after its time.
_MOST_SECONDS_BACK = 200


def decrypt_requests(
    port: int, signer: Signer, key_id: str, count: int
) -> list[Prepared]:
    """Return Decrypt requests of some blobs, as of different seconds."""
    blobs = [
        servers.send(port, request)["Response"]["CiphertextBlob"]
        for request in encrypt_requests(signer, key_id, _BLOBS)
    ]
    now = int(time.time())
    return [
        signer.sign(
            "Decrypt",
            {"CiphertextBlob": blobs[number % _BLOBS]},
            now - number // _BLOBS % _MOST_SECONDS_BACK,
        )
        for number in range(count)
    ]


def data_key_requests(
    port: int,
    signer: Signer,
    key_id: str,
    count: int,
) -> list[Prepared]:
    """Return GenerateDataKey requests, each with a context of its own."""
    now = int(time.time())
    return [
        signer.sign(
            "GenerateDataKey",
            {
                "KeyId": key_id,
                "KeySpec": "AES_256",
                "EncryptionContext": f'{{"number":"{number}"}}',
            },
            now,
        )
        for number in range(count)
    ]


def _encrypt_requests(
    port: int,
    signer: Signer,
    key_id: str,
    count: int,
) -> list[Prepared]:
    return encrypt_requests(signer, key_id, count)


ACTIONS: dict[str, Callable[[int, Signer, str, int], list[Prepared]]] = {
    "Encrypt": _encrypt_requests,
    "Decrypt": decrypt_requests,
    "GenerateDataKey": data_key_requests,
}


def moto_requests(port: int) -> dict[str, list[Prepared]]:
    """Make a key in moto and return one request an action: it checks no signature."""
    key_id = servers.send(port, servers.moto_request(port, "CreateKey", {}))[
        "KeyMetadata"
    ]["KeyId"]
    plaintext = base64.b64encode(b"x" * 32).decode()
    encrypt = servers.moto_request(
        port, "Encrypt", {"KeyId": key_id, "Plaintext": plaintext}
    )
    blob = servers.send(port, encrypt)["CiphertextBlob"]
    return {
        "Encrypt": [encrypt],
        "Decrypt": [servers.moto_request(port, "Decrypt", {"CiphertextBlob": blob})],
        "GenerateDataKey": [
            servers.moto_request(
                port, "GenerateDataKey", {"KeyId": key_id, "KeySpec": "AES_256"}
            )
        ],
    }
