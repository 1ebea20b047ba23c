"""Every tool of every kind of key, as pages; browsers add nothing to these."""

import base64
import re
from html import unescape
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.test import Client

from keys.operations import (
    AllowLegacyPadding,
    ArchiveKey,
    CreateKey,
    Decrypt,
    DisableKey,
    EnableKeyRotation,
    Encrypt,
    GetPublicKey,
    RotateKey,
)
from keys.states import KeyKind
from keys.views.toolbox import TOOLBOX, tools_for
from kmsconsole.audit.models import AuditEvent
from tests.console import signed_in, words
from tests.personas import create_key, execute

pytestmark = pytest.mark.django_db

USAGES = {
    KeyKind.GENERATED: "ENCRYPT_DECRYPT",
    KeyKind.SIGNING: "ASYMMETRIC_SIGN_VERIFY_ECC",
    KeyKind.DECRYPTING: "ASYMMETRIC_DECRYPT_RSA_2048",
}


@pytest.fixture
def client() -> Client:
    return signed_in()


def make(kind: KeyKind) -> str:
    made: str = execute(CreateKey, Alias="some-key", KeyUsage=USAGES[kind]).output[
        "KeyId"
    ]
    return made


def shown(answer: Any, element: str) -> str:
    page = answer.content.decode()
    found = re.search(
        rf'<textarea[^>]*id="{element}"[^>]*>(.*?)</textarea>', page, re.DOTALL
    )
    assert found, words(answer)
    return unescape(found[1]).strip()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("kind", USAGES)
def test_each_kind_has_its_tools_and_no_others(client: Client, kind: KeyKind) -> None:
    key_id = make(kind)
    own = {entry.slug for entry in tools_for(kind)}
    for entry in TOOLBOX:
        answer = client.get(f"/keys/{key_id}/{entry.slug}/")
        assert answer.status_code == (200 if entry.slug in own else 404), entry.slug
        if entry.slug in own:
            assert "Nothing you type" in words(answer) or entry.slug == "files"


@pytest.mark.parametrize("kind", USAGES)
def test_a_disabled_key_says_so_before_one_tries(client: Client, kind: KeyKind) -> None:
    key_id = make(kind)
    execute(DisableKey, KeyId=key_id)
    for entry in tools_for(kind):
        page = client.get(f"/keys/{key_id}/{entry.slug}/")
        assert page.status_code == 200
        assert 'class="notice warn"' in page.content.decode(), entry.slug


@pytest.mark.parametrize(
    ("form", "plain"),
    [
        ({"format": "text", "Plaintext": "grüß\r\nGott"}, "grüß\nGott".encode()),
        ({"format": "base64", "Plaintext": "AAEC\n/w=="}, b"\x00\x01\x02\xff"),
        ({"format": "hex", "Plaintext": "00 01 02 fF"}, b"\x00\x01\x02\xff"),
    ],
)
def test_plaintext_in_every_format(client: Client, form: dict, plain: bytes) -> None:
    key_id = make(KeyKind.GENERATED)
    answer = client.post(f"/keys/{key_id}/encrypt/", form)
    blob = shown(answer, "ciphertext")
    opened = execute(Decrypt, CiphertextBlob=blob).output["Plaintext"]
    assert base64.b64decode(opened) == plain
    assert "no-store" in answer["Cache-Control"]


def test_what_is_no_hex_is_said(client: Client) -> None:
    key_id = make(KeyKind.GENERATED)
    form = {"format": "hex", "Plaintext": "0g"}
    assert "isn't hex" in words(client.post(f"/keys/{key_id}/encrypt/", form))


def test_re_encrypting_moves_to_the_newest_version(client: Client) -> None:
    key_id = make(KeyKind.GENERATED)
    old = execute(Encrypt, KeyId=key_id, Plaintext="YQ==").output["CiphertextBlob"]
    address = f"/keys/{key_id}/re-encrypt/"
    form = {"format": "text", "CiphertextBlob": old, "DestinationKeyId": key_id}
    unchanged = client.post(address, form)
    assert "already made with the newest version" in words(unchanged)
    execute(EnableKeyRotation, KeyId=key_id)
    execute(RotateKey, KeyId=key_id)
    moved = client.post(address, form)
    assert shown(moved, "ciphertext") != old
    bound = form | {
        "another_context": "on",
        "new-editor": "rows",
        "new-context-name": "tenant",
        "new-context-value": "blue",
    }
    blob = shown(client.post(address, bound), "ciphertext")
    context = '{"tenant": "blue"}'
    opened = execute(Decrypt, CiphertextBlob=blob, EncryptionContext=context)
    assert opened.output["Plaintext"] == "YQ=="
    other = create_key("other")
    away = client.post(address, form | {"DestinationKeyId": other})
    assert other in words(away)


def test_an_archived_key_is_no_place_to_move_to(client: Client) -> None:
    key_id = make(KeyKind.GENERATED)
    execute(ArchiveKey, KeyId=key_id)
    page = words(client.get(f"/keys/{key_id}/re-encrypt/"))
    assert "no longer encrypts" in page


@pytest.mark.parametrize(
    ("length", "size"),
    [
        ({"length": "AES_256"}, 32),
        ({"length": "AES_128"}, 16),
        ({"length": "bytes", "NumberOfBytes": "64"}, 64),
    ],
)
def test_a_data_key_with_and_without_showing_it(
    client: Client, length: dict[str, str], size: int
) -> None:
    key_id = make(KeyKind.GENERATED)
    address = f"/keys/{key_id}/generate-data-key/"
    with_it = client.post(address, length | {"shown": "with"})
    blob, plain = shown(with_it, "ciphertext"), shown(with_it, "plaintext-base64")
    assert len(base64.b64decode(plain)) == size
    assert execute(Decrypt, CiphertextBlob=blob).output["Plaintext"] == plain
    without = client.post(address, length | {"shown": "without"})
    assert "plaintext" not in without.content.decode()
    hidden = execute(Decrypt, CiphertextBlob=shown(without, "ciphertext")).output
    assert hidden["Plaintext"] not in without.content.decode()


def test_a_length_nobody_can_have(client: Client) -> None:
    key_id = make(KeyKind.GENERATED)
    form = {"length": "bytes", "NumberOfBytes": "1025", "shown": "with"}
    answer = client.post(f"/keys/{key_id}/generate-data-key/", form)
    assert "InvalidParameterValue" in words(answer)


def test_signing_and_verifying(client: Client) -> None:
    key_id = make(KeyKind.SIGNING)
    form = {
        "format": "text",
        "Message": "pay 100",
        "MessageType": "RAW",
        "Algorithm": "ECC_P256_R1",
    }
    signature = shown(client.post(f"/keys/{key_id}/sign/", form), "signature")
    verify = form | {"SignatureValue": signature}
    assert "The signature is valid." in words(
        client.post(f"/keys/{key_id}/verify/", verify)
    )
    other = verify | {"Message": "pay 900"}
    assert "The signature is not valid." in words(
        client.post(f"/keys/{key_id}/verify/", other)
    )
    digest = form | {"MessageType": "DIGEST"}
    assert "InvalidParameterValue" in words(
        client.post(f"/keys/{key_id}/sign/", digest)
    )


def test_decrypting_with_the_private_half(client: Client) -> None:
    key_id = make(KeyKind.DECRYPTING)
    der = execute(GetPublicKey, KeyId=key_id).output["PublicKey"]
    public: Any = load_der_public_key(base64.b64decode(der))
    sha256 = hashes.SHA256()
    oaep = padding.OAEP(padding.MGF1(sha256), sha256, None)
    form = {
        "format": "base64",
        "Ciphertext": encoded(public.encrypt(b"by hand", oaep)),
        "Algorithm": "RSAES_OAEP_SHA_256",
    }
    answer = client.post(f"/keys/{key_id}/rsa-decrypt/", form)
    assert shown(answer, "plaintext-text") == "by hand"
    wrong = form | {"Algorithm": "RSAES_OAEP_SHA_1"}
    assert "DecryptError" in words(client.post(f"/keys/{key_id}/rsa-decrypt/", wrong))


def test_the_legacy_padding_is_offered_where_it_is_allowed(client: Client) -> None:
    key_id = make(KeyKind.DECRYPTING)
    url = f"/keys/{key_id}/rsa-decrypt/"
    page = client.get(url)
    assert "RSAES_PKCS1_V1_5 is off for this key" in words(page)
    assert f"/keys/{key_id}/#padding" in page.content.decode()
    assert _disabled_options(page) == ["RSAES_PKCS1_V1_5"]
    assert "A ciphertext has 256 bytes" in words(page)
    assert "4 KB" not in words(page)
    missing = words(client.post(url, {"format": "file"}))
    assert "Choose a file of 256 bytes." in missing
    execute(AllowLegacyPadding, KeyId=key_id, Allowed=True)
    page = client.get(url)
    assert "is off for this key" not in words(page)
    assert _disabled_options(page) == []
    assert "RSAES_PKCS1_V1_5" in words(page)


def _disabled_options(page: Any) -> list[str]:
    text: str = page.content.decode()
    return re.findall(r'<option value="(\w+)"\s+disabled', text)


def test_random_bytes(client: Client) -> None:
    answer = client.post("/keys/random/", {"NumberOfBytes": "24"})
    assert len(base64.b64decode(shown(answer, "plaintext-base64"))) == 24
    assert shown(answer, "plaintext-hex") != shown(
        client.post("/keys/random/", {"NumberOfBytes": "24"}), "plaintext-hex"
    )
    assert "InvalidParameterValue" in words(
        client.post("/keys/random/", {"NumberOfBytes": "0"})
    )


def test_nothing_that_was_typed_is_written_down(client: Client) -> None:
    key_id = make(KeyKind.GENERATED)
    form = {"format": "text", "Plaintext": "canary-5b1e"}
    client.post(f"/keys/{key_id}/encrypt/", form)
    signing = {"format": "text", "Message": "canary-5b1e", "Algorithm": "x"}
    client.post(f"/keys/{key_id}/sign/", signing)
    told = repr(list(AuditEvent.objects.values()))
    assert "canary" not in told + repr(dict(client.session))


@pytest.mark.parametrize(
    "slug", ["enable-key-rotation", "disable-key-rotation", "rotate-key"]
)
def test_a_key_pair_is_not_asked_about_rotation(client: Client, slug: str) -> None:
    key_id = make(KeyKind.SIGNING)
    answer = client.get(f"/keys/{key_id}/{slug}/")
    assert answer.status_code == 409
    assert "can't be rotated" in words(answer)
