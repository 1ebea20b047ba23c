"""Second factors: bound to their owner, and never changed without an event."""

import json
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.db import DatabaseError
from django.test import Client

from accessctl import factors
from accessctl.adapter import FactorAdapter
from accessctl.models import User
from kmsconsole.audit import recorder
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import ServiceTemporaryUnavailable
from tests.accessctl.conftest import sign_in
from tests.accessctl.people import acting_in_a_request
from tests.accessctl.test_addresses import content
from tests.console import words
from tests.server import data_folder, environment, manage

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code(secret: str = SECRET) -> str:
    cache.clear()
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def with_app(user: User) -> Authenticator:
    with acting_in_a_request(user):
        return TOTP.activate(user, SECRET).instance


@pytest.fixture
def client(root: User) -> Client:
    """The root user, signed in with the password just now."""
    client = Client()
    sign_in(client, root)
    return client


def test_secrets_are_sealed_for_their_owner(root: User, ann: User) -> None:
    sealed = factors.seal(SECRET, root.pk)
    assert SECRET not in sealed
    assert factors.unseal(sealed, root.pk) == SECRET
    epoch, data = sealed.removeprefix("2:").split(":")
    for altered, owner in (
        (sealed, ann.pk),
        (f"{epoch}:{data}", ann.pk),
        (sealed[:-6] + "AAAA==", root.pk),
        ("", root.pk),
        ("2:1:2:3", root.pk),
    ):
        with pytest.raises(ServiceTemporaryUnavailable):
            factors.unseal(altered, owner)
    with pytest.raises(ServiceTemporaryUnavailable):
        FactorAdapter().decrypt(sealed)


def test_a_row_with_somebody_elses_secret_opens_nothing(root: User, ann: User) -> None:
    """Whoever can write to the database still can't sign in as somebody else."""
    mine, theirs = with_app(ann), with_app(root)
    assert Authenticator.objects.get(pk=mine.pk).wrap().validate_code(code())
    Authenticator.objects.filter(pk=theirs.pk).update(data=mine.data)
    client = Client()
    sign_in(client, root)
    answer = client.post("/account/2fa/authenticate/", {"code": code()})
    assert answer.status_code == 503
    assert client.get("/keys/").status_code == 302


def test_each_change_is_one_event_that_names_what_came_and_went(client: Client) -> None:
    secret = client.get("/account/2fa/totp/activate/").context["form"].secret
    client.post("/account/2fa/totp/activate/", {"code": code(secret)})
    client.post("/account/2fa/recovery-codes/generate/")
    client.post("/account/2fa/totp/deactivate/")
    events = AuditEvent.objects.filter(operation__endswith="Factor").order_by(
        "sequence"
    )
    assert [
        (event.operation, event.outcome, json.loads(event.details)) for event in events
    ] == [
        (
            "AddFactor",
            "success",
            {"kind": "totp", "Added": ["totp", "recovery_codes"]},
        ),
        (
            "AddFactor",
            "success",
            {
                "kind": "recovery_codes",
                "Added": ["recovery_codes"],
                "Removed": ["recovery_codes"],
            },
        ),
        (
            "RemoveFactor",
            "success",
            {"kind": "totp", "Removed": ["totp", "recovery_codes"]},
        ),
    ]


def test_a_security_key_is_renamed_and_removed_on_record(
    client: Client, root: User
) -> None:
    data = {"name": "Old", "credential": {}}
    key = Authenticator.objects.create(user=root, type="webauthn", data=data)
    # The session's proof was the password: with a factor it doesn't count any more.
    base = f"/account/2fa/webauthn/keys/{key.pk}/"
    page = client.get(f"{base}edit/")
    assert "Rename the security key" in words(page)
    assert client.post(f"{base}edit/", {"name": "Blue"}).status_code == 302
    key.refresh_from_db()
    assert key.data["name"] == "Blue"
    assert "Remove Blue?" in words(client.get(f"{base}remove/"))
    assert client.post(f"{base}remove/").status_code == 302
    assert not Authenticator.objects.exists()
    found = AuditEvent.objects.filter(operation__endswith="Factor")
    assert sorted(found.values_list("operation", flat=True)) == [
        "RemoveFactor",
        "RenameFactor",
    ]


@pytest.mark.parametrize("what", ["add", "remove", "codes"])
def test_what_cannot_be_recorded_does_not_happen(
    client: Client, root: User, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, form = "/account/2fa/totp/activate/", {"code": ""}
    if what == "add":
        secret = client.get(path).context["form"].secret
        form = {"code": code(secret)}
    else:
        with_app(root)
        path = {
            "remove": "/account/2fa/totp/deactivate/",
            "codes": "/account/2fa/recovery-codes/generate/",
        }[what]
    before = list(Authenticator.objects.values("pk", "type", "data"))

    def broken(_events: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(recorder, "_insert", broken)
    answer = client.post(path, form)
    assert answer.status_code == 503
    monkeypatch.undo()
    assert list(Authenticator.objects.values("pk", "type", "data")) == before


def test_looking_at_recovery_codes_changes_nothing(client: Client, root: User) -> None:
    """Neither the page nor the file; somebody without any finds nothing there."""
    page, file = "/account/2fa/recovery-codes/", "/account/2fa/recovery-codes/download/"
    assert [client.get(path).status_code for path in (page, file)] == [404, 404]
    secret = client.get("/account/2fa/totp/activate/").context["form"].secret
    client.post("/account/2fa/totp/activate/", {"code": code(secret)})
    before = content()
    shown = client.get(page)
    loaded = client.get(file)
    codes = shown.context["unused_codes"]
    assert len(codes) == len(set(codes)) == 10
    assert all(each in words(shown) for each in codes)
    assert all(each in loaded.content.decode() for each in codes)
    assert "attachment" in loaded["Content-Disposition"]
    for answer in (shown, loaded):
        assert "no-store" in answer["Cache-Control"]
    assert content() == before
    assert [Client().get(path).status_code for path in (page, file)] == [302, 302]


_PROGRAM = """
import base64
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from accessctl import factors
from accessctl.models import User
from keys import custody
from kmsconsole.preparation import prepare

prepare(lambda _: None)
user = User.objects.get()
epoch, sealed = custody.keyring().seal_secret(b"{secret}", b"accessctl/factor/1")
text = f"{{epoch}}:{{base64.b64encode(sealed).decode()}}"
Authenticator.objects.create(user=user, type="totp", data={{"secret": text}})
codes = {{"seed": text[:-8] + "AAAAAAA=", "used_mask": 3}}
Authenticator.objects.create(user=user, type="recovery_codes", data=codes)

for _twice in range(2):
    call_command("migrate", "accessctl", "0004", fake=True, verbosity=0)
    call_command("migrate", "accessctl", "0005", verbosity=0)
    # What came later stands already.
    call_command("migrate", "accessctl", fake=True, verbosity=0)
    app = Authenticator.objects.get(type="totp")
    codes = Authenticator.objects.get(type="recovery_codes").data
    opened = factors.unseal(app.data["secret"], app.user_id)
    print(opened, codes["seed"].count(":"), codes["used_mask"])
"""


def test_secrets_of_before_are_sealed_anew() -> None:
    """Those that can't be opened stay as they are, and open nothing."""
    with data_folder() as home:
        program = _PROGRAM.format(secret=SECRET)
        env = environment(home, 8000)
        done = manage(env, "shell", "--no-imports", "-c", program)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-2:] == [f"{SECRET} 1 3"] * 2
