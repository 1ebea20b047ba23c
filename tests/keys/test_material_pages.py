"""The pages for imported material and for public keys, with the real openssl."""

import html
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from keys.models import CustomerMasterKey
from keys.operations import (
    AsymmetricRsaDecrypt,
    CreateKey,
    Decrypt,
    DisableKey,
    Encrypt,
    SignByAsymmetricKey,
)
from tests.console import signed_in, words
from tests.keys.test_query_counts import encoded
from tests.personas import execute

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def key_id() -> str:
    made: str = execute(CreateKey, Alias="outside", Type=2).output["KeyId"]
    return made


def field(answer: Any, element: str) -> str:
    page = answer.content.decode()
    found = re.search(
        rf'<(textarea|pre)[^>]*id="{element}"[^>]*>(.*?)</\1>', page, re.DOTALL
    )
    assert found, element
    return html.unescape(found[2]).strip()


def run(folder: Path, commands: str) -> str:
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(client: Client, key_id: str, padding: str) -> Any:
    answer = client.post(
        f"/keys/{key_id}/get-parameters-for-import/", {"WrappingAlgorithm": padding}
    )
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    return answer


def uploaded(folder: Path, answer: Any, **more: Any) -> dict[str, Any]:
    (folder / "wrapping-key.pem").write_text(field(answer, "wrapping-key") + "\n")
    run(folder, field(answer, "openssl"))
    wrapped = (folder / "wrapped.bin").read_bytes()
    return {
        "material_file": SimpleUploadedFile("wrapped.bin", wrapped),
        "ImportToken": field(answer, "token"),
        "expires": "never",
    } | more


def state(key_id: str) -> str:
    return CustomerMasterKey.objects.get(id=key_id).state


@pytest.mark.parametrize(
    "padding", ["RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "RSAES_PKCS1_V1_5"]
)
def test_the_commands_shown_wrap_what_can_be_imported(
    client: Client, key_id: str, padding: str, tmp_path: Path
) -> None:
    assert "no material yet" in words(client.get(f"/keys/{key_id}/material/"))
    answer = ask(client, key_id, padding)
    form = uploaded(tmp_path, answer, expires="date", ValidTo="2037-01-02T03:04")
    done = client.post(f"/keys/{key_id}/material/", form, follow=True)
    assert "The material was imported." in words(done)
    assert state(key_id) == "Enabled"
    valid_to = CustomerMasterKey.objects.get(id=key_id).material_valid_to
    assert valid_to.isoformat() == "2037-01-02T03:04:00+00:00"


def test_only_the_same_material_comes_back(
    client: Client, key_id: str, tmp_path: Path
) -> None:
    form = uploaded(tmp_path, ask(client, key_id, "RSAES_OAEP_SHA_256"))
    client.post(f"/keys/{key_id}/material/", form)
    blob = execute(Encrypt, KeyId=key_id, Plaintext="YQ==").output["CiphertextBlob"]
    page = words(client.get(f"/keys/{key_id}/delete-imported-key-material/"))
    assert "Do you have a copy of the material?" in page
    delete = f"/keys/{key_id}/delete-imported-key-material/"
    refused = words(client.post(delete, {"typed_name": "outsid"}))
    assert "This is not the key's name." in refused
    assert state(key_id) == "Enabled"
    gone = words(client.post(delete, {"typed_name": "outside"}, follow=True))
    assert "exactly the same material again" in gone
    assert state(key_id) == "PendingImport"

    material = (tmp_path / "material.bin").read_bytes()
    answer = ask(client, key_id, "RSAES_OAEP_SHA_256")
    other = client.post(f"/keys/{key_id}/material/", uploaded(tmp_path, answer))
    assert other.status_code == 409
    assert "not the material that was first imported" in words(other)
    assert field(other, "id_ImportToken")

    (tmp_path / "material.bin").write_bytes(material)
    run(tmp_path, field(answer, "openssl").splitlines()[1])
    same = {
        "material_file": SimpleUploadedFile(
            "wrapped.bin", (tmp_path / "wrapped.bin").read_bytes()
        ),
        "ImportToken": field(answer, "token"),
        "expires": "never",
    }
    client.post(f"/keys/{key_id}/material/", same)
    assert execute(Decrypt, CiphertextBlob=blob).output["Plaintext"] == "YQ=="


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "can't be read"),
        ({"ImportToken": "AAAA"}, "import token is not valid"),
        ({"expires": "date"}, "Choose a date and a time"),
        ({"expires": "date", "ValidTo": "2001-01-01T00:00"}, "not allowed"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(
    client: Client, key_id: str, wrong: dict[str, str], told: str
) -> None:
    token = field(ask(client, key_id, "RSAES_OAEP_SHA_256"), "token")
    form = {"EncryptedKeyMaterial": "AAAA", "ImportToken": token, "expires": "never"}
    answer = client.post(f"/keys/{key_id}/material/", form | wrong)
    assert told in words(answer)
    assert state(key_id) == "PendingImport"


def test_a_key_that_waits_for_material_offers_to_import_it(
    client: Client, key_id: str
) -> None:
    page = client.get(f"/keys/{key_id}/")
    assert "Import material" in words(page)
    led = client.get(f"/keys/{key_id}/import-key-material/")
    assert led["Location"].endswith("/material/")


@pytest.mark.parametrize(
    "usage", ["RSA_2048", "RSA_3072", "ECC", "ECDSA384"], ids=str.lower
)
def test_the_commands_shown_verify_signatures(
    client: Client, usage: str, tmp_path: Path
) -> None:
    usage = f"ASYMMETRIC_SIGN_VERIFY_{usage}"
    key_id = execute(CreateKey, Alias="pair", KeyUsage=usage).output["KeyId"]
    page = client.get(f"/keys/{key_id}/public-key/")
    pem = client.get(f"/keys/{key_id}/public-key/?download=pem")
    assert pem["Content-Disposition"] == 'attachment; filename="pair-public-key.pem"'
    (tmp_path / "public-key.pem").write_bytes(pem.content)
    (tmp_path / "message.txt").write_text("pay 100")
    commands = re.findall(
        r'aria-label="openssl (\w+)">(.*?)</pre>', page.content.decode()
    )
    assert commands
    for algorithm, command in commands:
        signed = execute(
            SignByAsymmetricKey,
            KeyId=key_id,
            Algorithm=algorithm,
            Message=encoded(b"pay 100"),
        ).output["Signature"]
        run(tmp_path, f"echo {signed} | base64 -d > signature.bin")
        assert "Verified OK" in run(tmp_path, html.unescape(command))


def test_the_command_shown_encrypts_for_the_key(client: Client, tmp_path: Path) -> None:
    usage = "ASYMMETRIC_DECRYPT_RSA_2048"
    key_id = execute(CreateKey, Alias="pair", KeyUsage=usage).output["KeyId"]
    page = client.get(f"/keys/{key_id}/public-key/").content.decode()
    der = client.get(f"/keys/{key_id}/public-key/?download=der").content
    (tmp_path / "public-key.der").write_bytes(der)
    run(
        tmp_path,
        "openssl pkey -pubin -inform DER -in public-key.der -out public-key.pem",
    )
    (tmp_path / "secret.txt").write_text("by hand")
    ((algorithm, command),) = re.findall(
        r'aria-label="openssl (\w+)">(.*?)</pre>', page
    )
    run(tmp_path, html.unescape(command))
    plain = execute(
        AsymmetricRsaDecrypt,
        KeyId=key_id,
        Algorithm=algorithm,
        Ciphertext=encoded((tmp_path / "ciphertext.bin").read_bytes()),
    ).output["Plaintext"]
    assert plain == encoded(b"by hand")


def test_a_disabled_pair_shows_no_public_key_but_why(client: Client) -> None:
    usage = "ASYMMETRIC_SIGN_VERIFY_ECC"
    key_id = execute(CreateKey, Alias="pair", KeyUsage=usage).output["KeyId"]
    execute(DisableKey, KeyId=key_id)
    for address in ("public-key/", "public-key/?download=pem"):
        page = client.get(f"/keys/{key_id}/{address}")
        assert "BEGIN PUBLIC KEY" not in page.content.decode()
        assert "while the key's state is" in words(page)


@pytest.mark.parametrize("slug", ["material", "public-key", "sign", "rsa-decrypt"])
def test_a_symmetric_key_has_no_such_page(client: Client, slug: str) -> None:
    key_id = execute(CreateKey, Alias="plain").output["KeyId"]
    assert client.get(f"/keys/{key_id}/{slug}/").status_code == 404
