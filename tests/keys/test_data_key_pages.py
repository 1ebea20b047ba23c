"""Pages of hosted data keys: lists, one of them, making, importing, fetching."""

import base64
import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from keys.datakeys.states import DataKeyState
from keys.errors import CmkDisabled
from keys.models import CustomerMasterKey, DataKey
from keys.operations import (
    CreateKey,
    Decrypt,
    DisableKey,
    Encrypt,
    GenerateDataKey,
    GetDataKeyPlaintext,
    ScheduleDataKeyDeletion,
)
from kmsconsole import randomness
from kmsconsole.audit.models import AuditEvent, Outcome
from tests.console import words
from tests.keys.askers import foreigner, holder, root, same_as_nothing
from tests.personas import FOREIGN_ROOT, OTHER_REGION, ROOT, create_key, execute

pytestmark = pytest.mark.django_db

SLUGS = (
    "enable-data-key",
    "disable-data-key",
    "update-data-key-name",
    "update-data-key-description",
    "schedule-data-key-deletion",
    "cancel-data-key-deletion",
    "get-data-key-plaintext",
    "get-data-key-ciphertext-blob",
)


@pytest.fixture
def client() -> Client:
    return root()


@pytest.fixture
def key_id(client: Client) -> str:
    return create_key("orders")


def hosted(key_id: str, name: str = "vault", who: Any = ROOT, **more: Any) -> str:
    asked = {"KeySpec": "AES_256", "IsHostedByKms": 1, "DataKeyName": name}
    made: str = execute(GenerateDataKey, who, KeyId=key_id, **{**asked, **more}).output[
        "DataKeyId"
    ]
    return made


def page(data_key_id: str, slug: str = "") -> str:
    return f"/keys/data-keys/{data_key_id}/{f'{slug}/' if slug else ''}"


def names(answer: Any) -> list[str]:
    return re.findall(r'class="name"[^>]*>([^<]+)</a>', answer.content.decode())


def state(data_key_id: str) -> str:
    return DataKey.objects.get(id=data_key_id).state


def element(answer: Any, name: str) -> str:
    found = re.search(
        rf'<textarea[^>]*id="{name}"[^>]*>(.*?)</textarea>',
        answer.content.decode(),
        re.DOTALL,
    )
    assert found, name
    return html.unescape(found[1]).strip()


def sending(answer: Any) -> str:
    found = re.search(r'name="Sending" value="([^"]+)"', answer.content.decode())
    assert found
    return found[1]


def made_form(client: Client, key_id: str, **more: str) -> dict[str, str]:
    opened = client.get(f"/keys/{key_id}/host-data-key/")
    return {
        "Sending": sending(opened),
        "DataKeyName": "vault",
        "Description": "cards",
        "length": "AES_256",
        "shown": "kept",
    } | more


def test_making_one_keeps_it_and_shows_nothing(client: Client, key_id: str) -> None:
    form = made_form(client, key_id, **{"context-name": "team", "context-value": "pay"})
    done = client.post(f"/keys/{key_id}/host-data-key/", form, follow=True)
    row = DataKey.objects.get()
    assert (row.name, row.description, row.number_of_bytes) == ("vault", "cards", 32)
    assert b"team" in bytes(row.context)
    assert done.redirect_chain == [(page(str(row.id)), 302)]
    assert "The data key was made" in words(done)
    plain = execute(GetDataKeyPlaintext, DataKeyId=str(row.id)).output["Plaintext"]
    assert plain not in done.content.decode()


def test_it_is_shown_once_to_who_wants_it_and_never_made_twice(
    client: Client, key_id: str
) -> None:
    url = f"/keys/{key_id}/host-data-key/"
    form = made_form(client, key_id, shown="once", length="bytes", NumberOfBytes="24")
    answer = client.post(url, form)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    plain = element(answer, "plaintext-base64")
    assert len(base64.b64decode(plain)) == 24
    row = DataKey.objects.get()
    opened = execute(GetDataKeyPlaintext, DataKeyId=str(row.id)).output["Plaintext"]
    assert opened == plain
    again = client.post(url, form | {"DataKeyName": "other"})
    assert again.status_code == 409
    assert DataKey.objects.count() == 1
    told = repr(list(AuditEvent.objects.values()))
    assert plain not in told + repr(dict(client.session))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"DataKeyName": "a b"}, "name of the data key is not allowed"),
        ({"DataKeyName": "TAKEN"}, "already has this name"),
        ({"Description": "x" * 101}, "Description"),
        ({"length": "bytes", "NumberOfBytes": "0"}, "NumberOfBytes"),
        ({"editor": "json", "EncryptionContext": "{"}, "encryption context"),
    ],
)
def test_what_is_wrong_keeps_what_was_typed(
    client: Client, key_id: str, wrong: dict[str, str], told: str
) -> None:
    hosted(key_id, "taken")
    form = made_form(client, key_id, **wrong)
    answer = client.post(f"/keys/{key_id}/host-data-key/", form)
    assert answer.status_code in (400, 409)
    assert told in words(answer)
    assert form["DataKeyName"] in answer.content.decode()
    assert sending(answer) != form["Sending"]
    assert DataKey.objects.count() == 1


def test_importing_a_ciphertext_and_plaintext(client: Client, key_id: str) -> None:
    url = f"/keys/{key_id}/import-data-key/"
    plain = base64.b64encode(bytes(range(32))).decode()
    sealed = execute(Encrypt, KeyId=key_id, Plaintext=plain).output["CiphertextBlob"]
    for kind, material, name in (("1", sealed, "sealed"), ("2", plain, "plain")):
        form = {
            "Sending": sending(client.get(url)),
            "DataKeyName": name,
            "ImportType": kind,
            "ImportKeyMaterial": f"{material[:10]}\r\n {material[10:]} ",
        }
        assert "was imported" in words(client.post(url, form, follow=True))
        row = DataKey.objects.get(name=name)
        assert (row.origin, row.number_of_bytes) == ("EXTERNAL", 32)
        given = execute(GetDataKeyPlaintext, DataKeyId=str(row.id)).output
        assert given["Plaintext"] == plain
    form["ImportKeyMaterial"], form["DataKeyName"] = "canary-77f1", "another"
    form["Sending"] = sending(client.get(url))
    refused = client.post(url, form)
    assert refused.status_code == 400
    assert "canary-77f1" not in repr(list(AuditEvent.objects.values()))


def test_the_page_says_what_it_is_and_nothing_of_its_material(
    client: Client, key_id: str
) -> None:
    number = hosted(key_id, Description="all cards", EncryptionContext='{"a":"b"}')
    answer = client.get(page(number))
    told = words(answer)
    for said in ("vault Enabled", "all cards", "32 bytes", "version 1 of the key"):
        assert said in told
    assert "bound to an encryption context" in told
    assert f'href="/keys/{key_id}/"' in answer.content.decode()
    row = DataKey.objects.get()
    assert row.blob not in answer.content.decode()


def test_fetching_is_a_post_and_shown_in_this_answer_only(
    client: Client, key_id: str
) -> None:
    number = hosted(key_id, EncryptionContext='{"a":"b"}')
    for slug in ("get-data-key-plaintext", "get-data-key-ciphertext-blob"):
        looked = client.get(page(number, slug))
        assert (looked.status_code, looked["Location"]) == (302, page(number))
    fetched = {"GetDataKeyPlaintext", "GetDataKeyCiphertextBlob"}
    events = AuditEvent.objects.filter(operation__in=fetched)
    assert not events.exists()
    answer = client.post(page(number, "get-data-key-ciphertext-blob"))
    blob = element(answer, "ciphertext")
    assert blob == DataKey.objects.get().blob
    opened = execute(Decrypt, CiphertextBlob=blob, EncryptionContext='{"a":"b"}').output
    answer = client.post(page(number, "get-data-key-plaintext"))
    assert element(answer, "plaintext-base64") == opened["Plaintext"]
    assert "no-store" in answer["Cache-Control"]
    part = client.post(
        page(number, "get-data-key-plaintext"), headers={"HX-Request": "true"}
    )
    assert element(part, "plaintext-base64") == opened["Plaintext"]
    assert "<html" not in part.content.decode()
    assert events.filter(outcome=Outcome.SUCCESS).count() == 3
    assert opened["Plaintext"] not in client.get(page(number)).content.decode()
    assert opened["Plaintext"] not in repr(list(AuditEvent.objects.values()))


def test_disabling_enabling_renaming_describing(client: Client, key_id: str) -> None:
    number = hosted(key_id)
    hosted(key_id, "taken")
    assert "Disable the data key vault?" in words(
        client.get(page(number, "disable-data-key"))
    )
    done = client.post(page(number, "disable-data-key"), follow=True)
    assert "The data key is disabled" in words(done)
    assert state(number) == DataKeyState.DISABLED
    refused = client.post(page(number, "get-data-key-plaintext"))
    assert refused.status_code == 409
    assert "DataKeyDisabled" in words(refused)
    client.post(page(number, "enable-data-key"))
    assert state(number) == DataKeyState.ENABLED
    rename = page(number, "update-data-key-name")
    assert 'value="vault"' in client.get(rename).content.decode()
    taken = client.post(rename, {"DataKeyName": "Taken"})
    assert taken.status_code == 409
    assert "already has this name" in words(taken)
    assert "was renamed" in words(
        client.post(rename, {"DataKeyName": "safe"}, follow=True)
    )
    client.post(page(number, "update-data-key-description"), {"Description": "cards"})
    row = DataKey.objects.get(id=number)
    assert (row.name, row.description) == ("safe", "cards")


def test_deleting_wants_it_disabled_and_its_name_and_can_be_cancelled(
    client: Client, key_id: str
) -> None:
    number = hosted(key_id)
    url = page(number, "schedule-data-key-deletion")
    early = client.get(url)
    assert "data key's state is “Enabled”" in words(early)
    assert "typed_name" not in early.content.decode()
    client.post(page(number, "disable-data-key"))
    form = {"PendingWindowInDays": "9", "typed_name": "vaul"}
    assert "not the key's name" in words(client.post(url, form))
    few = client.post(url, form | {"PendingWindowInDays": "6", "typed_name": "vault"})
    assert few.status_code == 400
    assert state(number) == DataKeyState.DISABLED
    done = words(client.post(url, form | {"typed_name": "vault"}, follow=True))
    assert state(number) == DataKeyState.PENDING_DELETE
    assert "vault will be destroyed on" in done
    assert "(in 9 days)" in done
    assert "Destroyed on" in words(client.get("/keys/data-keys/"))
    kept = client.post(page(number, "cancel-data-key-deletion"), follow=True)
    assert "deletion is cancelled" in words(kept)
    assert state(number) == DataKeyState.DISABLED


def test_deleting_wants_a_fresh_proof(client: Client, key_id: str) -> None:
    number = hosted(key_id)
    client.post(page(number, "disable-data-key"))
    session = client.session
    session["account_authentication_methods"] = []
    session.save()
    form = {"PendingWindowInDays": "9", "typed_name": "vault"}
    url = page(number, "schedule-data-key-deletion")
    for answer in (client.get(url), client.post(url, form)):
        assert answer["Location"].startswith("/account/reauthenticate/")
    assert state(number) == DataKeyState.DISABLED


def test_the_key_itself_may_be_the_reason_why_not(client: Client, key_id: str) -> None:
    number = hosted(key_id)
    execute(DisableKey, KeyId=key_id)
    told = words(client.get(page(number)))
    assert CmkDisabled().message in told
    tab = client.get(f"/keys/{key_id}/data-keys/")
    assert f"/keys/{key_id}/host-data-key/" not in tab.content.decode()
    assert client.post(page(number, "get-data-key-plaintext")).status_code == 409


@override_settings(KMS_DATA_KEY_LIMIT=1)
def test_a_full_account_is_the_reason_why_not(client: Client, key_id: str) -> None:
    hosted(key_id)
    tab = client.get(f"/keys/{key_id}/data-keys/")
    assert "already has its 1 data keys" in words(tab)
    opened = client.get(f"/keys/{key_id}/host-data-key/")
    assert "already has its 1 data keys" in words(opened)


def test_lists_of_the_account_and_of_a_key(client: Client, key_id: str) -> None:
    other = create_key("other")
    hosted(key_id, "card-vault")
    hosted(other, "scans")
    client.post(page(hosted(other, "old-scans"), "disable-data-key"))
    hosted(create_key("theirs", FOREIGN_ROOT), "theirs", FOREIGN_ROOT)
    execute(
        GenerateDataKey,
        region=OTHER_REGION,
        KeyId=create_key("there", region=OTHER_REGION),
        KeySpec="AES_256",
        IsHostedByKms=1,
        DataKeyName="elsewhere",
    )
    everything = client.get("/keys/data-keys/")
    assert names(everything) == ["old-scans", "scans", "card-vault"]
    assert "3 data keys" in words(everything)
    for query, found in (
        ("q=scans", ["old-scans", "scans"]),
        ("state=Disabled", ["old-scans"]),
        ("q=scans&state=Enabled", ["scans"]),
        ("state=nonsense", ["old-scans", "scans", "card-vault"]),
        ("q=nothing", []),
        ("offset=x", ["old-scans", "scans", "card-vault"]),
        ("offset=999", []),
    ):
        answer = client.get(f"/keys/data-keys/?{query}")
        assert names(answer) == found, query
    assert names(client.get(f"/keys/{key_id}/data-keys/")) == ["card-vault"]
    part = client.get(f"/keys/{other}/data-keys/?q=old", headers={"HX-Request": "true"})
    assert names(part) == ["old-scans"]
    assert "<html" not in part.content.decode()
    assert "No data key is kept" in words(
        client.get(f"/keys/{create_key('empty')}/data-keys/")
    )


def test_pages_of_a_list_follow_one_another_and_cost_the_same(
    client: Client, key_id: str
) -> None:
    hosted(key_id, "first")
    model = DataKey.objects.get()
    client.get("/keys/data-keys/")
    with CaptureQueriesContext(connection) as few:
        client.get("/keys/data-keys/")
    for number in range(44):
        model.pk, model.name = randomness.uuid4(), f"more-{number}"
        model.save(force_insert=True)
    with CaptureQueriesContext(connection) as many:
        answer = client.get("/keys/data-keys/")
    assert len(few) == len(many)
    seen = [names(answer)]
    while older := re.search(r'rel="next"\s+href="([^"]+)"', answer.content.decode()):
        answer = client.get(html.unescape(older[1]))
        seen.append(names(answer))
    assert [len(one) for one in seen] == [20, 20, 5]
    assert len({name for one in seen for name in one}) == 45
    back = re.search(r'rel="prev"\s+href="([^"]+)"', answer.content.decode())
    assert back
    assert names(client.get(html.unescape(back[1]))) == seen[1]


def test_pairs_have_no_data_keys(client: Client) -> None:
    usage = "ASYMMETRIC_SIGN_VERIFY_ECC"
    pair = execute(CreateKey, Alias="pair", KeyUsage=usage).output["KeyId"]
    for slug in ("data-keys", "host-data-key", "import-data-key"):
        assert client.get(f"/keys/{pair}/{slug}/").status_code == 404
        assert client.post(f"/keys/{pair}/{slug}/", {}).status_code in (404, 405)
    assert "Data keys" not in words(client.get(f"/keys/{pair}/")).split("Public key")[1]


def test_each_role_gets_what_its_rights_say(key_id: str) -> None:
    number, other = hosted(key_id), hosted(create_key("other"), "hidden")
    fetching = {slug for slug in SLUGS if slug.startswith("get-")}
    expected = {
        "read-only": set(),
        "encrypt-only": {"host-data-key"},
        "decrypt-only": fetching,
        "key-user": {*fetching, "host-data-key", "import-data-key"},
        "key-administrator": {*SLUGS} - fetching,
    }
    for role, can in expected.items():
        browser = holder(role, f"role.{role}", key=key_id)
        assert names(browser.get("/keys/data-keys/")) == ["vault"]
        assert browser.get(page(number)).status_code == 200
        assert browser.get(page(other)).status_code == 403
        adding = ("host-data-key", "import-data-key")
        opened = {
            slug: browser.get(f"/keys/{key_id}/{slug}/").status_code for slug in adding
        }
        form = {
            "Description": "d",
            "DataKeyName": "renamed",
            "PendingWindowInDays": "7",
        }
        for slug in SLUGS:
            name = DataKey.objects.get(id=number).name
            answer = browser.post(page(number, slug), form | {"typed_name": name})
            opened[slug] = answer.status_code
        assert {slug for slug, code in opened.items() if code != 403} == can, role


def test_without_rights_the_list_is_empty(key_id: str) -> None:
    hosted(key_id)
    nobody = holder("nobody")
    answer = nobody.get("/keys/data-keys/")
    assert names(answer) == []
    assert "No data key that you may see" in words(answer)
    signer = holder("signer", "role.signer", key=key_id)
    assert names(signer.get("/keys/data-keys/")) == []
    assert (
        f"/keys/{key_id}/data-keys/"
        not in signer.get(f"/keys/{key_id}/").content.decode()
    )


def test_elsewhere_a_data_key_is_like_one_that_never_was(key_id: str) -> None:
    number = hosted(key_id)
    for client in (foreigner(), holder("nobody")):
        for slug in ("", *SLUGS):
            assert same_as_nothing(client, page(number, slug), number), slug
        for slug in ("data-keys", "host-data-key", "import-data-key"):
            assert same_as_nothing(client, f"/keys/{key_id}/{slug}/", key_id), slug
    assert state(number) == DataKeyState.ENABLED


def test_data_keys_of_a_destroyed_key_are_gone(client: Client, key_id: str) -> None:
    number = hosted(key_id)
    client.post(page(number, "disable-data-key"))
    execute(ScheduleDataKeyDeletion, DataKeyId=number, PendingWindowInDays=7)
    CustomerMasterKey.objects.filter(id=key_id).update(state="Destroyed")
    assert client.get(page(number)).status_code == 404
    assert names(client.get("/keys/data-keys/")) == []
