"""People: signing in, sessions, lost passwords and factors, access keys."""

import json
import re
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from accessctl.credentials import find
from accessctl.models import AccessKey, Account, User
from accessctl.operations import CreateAccessKey, CreateAccount, first_account
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError, UnauthorizedOperation
from tests.personas import ACCOUNT, ROOT, SUB, execute

pytestmark = pytest.mark.django_db

PASSWORD = "correct-horse-battery"


@pytest.fixture
def admin() -> User:
    assert first_account(PASSWORD) is None
    cache.clear()
    return User.objects.get(account_id=ACCOUNT, name="admin")


def sign_in(client: Client, password: str = PASSWORD, account: int = ACCOUNT):
    form = {"account": account, "login": "admin", "password": password}
    return client.post("/account/login/", form)


def output_of(*command: str) -> dict:
    out = StringIO()
    call_command(*command, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_first_account_is_made_once_and_its_root_is_the_operator(admin) -> None:
    assert first_account("another-password-1") is None
    assert Account.objects.count() == 1
    assert (admin.is_root, admin.is_staff, admin.is_superuser) == (True, True, False)
    assert admin.check_password(PASSWORD)


def test_without_a_password_one_is_drawn_and_given_out_once() -> None:
    drawn = first_account(None)
    assert drawn is not None
    assert User.objects.get(name="admin").check_password(drawn)
    assert drawn not in str(list(AuditEvent.objects.values()))


def test_a_weak_first_password_is_refused_and_nothing_is_made() -> None:
    with pytest.raises(KMSError):
        first_account("password")
    assert not Account.objects.exists()


def test_only_the_operator_makes_accounts(admin) -> None:
    for principal in (ROOT, SUB):
        with pytest.raises(UnauthorizedOperation):
            execute(CreateAccount, principal, Name="x")
    with pytest.raises(UnauthorizedOperation):
        execute(CreateAccessKey, SUB, UserName="admin")


def test_signing_in_is_recorded_and_opens_the_console(admin) -> None:
    client = Client()
    assert client.get("/keys/").status_code == 302
    assert sign_in(client).status_code == 302
    assert client.get("/keys/").status_code == 200
    event = AuditEvent.objects.get(operation="SignIn")
    assert (event.outcome, event.principal_name) == ("success", "admin")


@pytest.mark.parametrize(
    ("password", "account"), [("wrong", ACCOUNT), (PASSWORD, ACCOUNT + 7)]
)
def test_a_refused_sign_in_tells_nothing_and_is_recorded(
    admin, password: str, account: int
) -> None:
    client = Client()
    answer = sign_in(client, password, account)
    assert answer.status_code == 200
    assert client.get("/keys/").status_code == 302
    event = AuditEvent.objects.get(operation="SignIn")
    assert (event.outcome, event.principal_kind) == ("refused", "anonymous")
    assert PASSWORD not in event.details


def test_unknown_accounts_and_wrong_passwords_read_the_same(admin) -> None:
    def visible(password: str, account: int) -> str:
        text = sign_in(Client(), password, account).content.decode()
        lines = (line for line in text.splitlines() if "csrf" not in line)
        words = "\n".join(lines).replace(str(account), "ACCOUNT")
        return words.split("<main")[1]

    first = visible("wrong", ACCOUNT)
    cache.clear()
    second = visible("wrong", ACCOUNT + 7)

    number = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    assert number.sub("ID", first) == number.sub("ID", second)


def test_a_new_password_ends_every_session(admin) -> None:
    client = Client()
    sign_in(client)
    fresh = output_of("reset_password", "admin")["Password"]
    assert client.get("/keys/").status_code == 302
    assert sign_in(Client(), PASSWORD).status_code == 200
    assert sign_in(Client(), fresh).status_code == 302


def test_removing_factors_ends_every_session(admin) -> None:
    client = Client()
    sign_in(client)
    Authenticator.objects.create(user=admin, type="totp", data={"secret": "x"})
    assert output_of("reset_mfa", "admin")["Removed"] == 1
    assert not Authenticator.objects.exists()
    assert client.get("/keys/").status_code == 302


def test_a_disabled_user_is_out_at_the_next_request(admin) -> None:
    client = Client()
    sign_in(client)
    secret_id = output_of("create_access_key", "--user", "admin")["SecretId"]
    assert find(secret_id) is not None
    User.objects.update(is_active=False)
    assert client.get("/keys/").status_code == 302
    assert find(secret_id) is None


def test_access_keys_are_sealed_bound_and_two_at_most(admin) -> None:
    made = output_of("create_access_key", "--user", "admin")
    row = AccessKey.objects.get(secret_id=made["SecretId"])
    assert made["SecretKey"].encode() not in bytes(row.sealed_secret)
    credential = find(made["SecretId"])
    assert credential is not None
    assert credential.secret_key == made["SecretKey"]
    assert made["SecretKey"] not in repr(credential)

    other = output_of("create_access_key", "--user", "admin")
    with pytest.raises(CommandError, match="Two access keys"):
        output_of("create_access_key", "--user", "admin")
    stolen = AccessKey.objects.get(secret_id=other["SecretId"]).sealed_secret
    AccessKey.objects.filter(pk=row.pk).update(sealed_secret=stolen)
    assert find(made["SecretId"]) is None
    assert made["SecretKey"] not in str(list(AuditEvent.objects.values()))


def test_unknown_names_end_the_command_with_words(admin) -> None:
    for command in (
        ("create_access_key", "--user", "nobody"),
        ("reset_password", "nobody"),
        ("reset_mfa", "nobody"),
        ("reset_password", "admin", "--account", "42"),
    ):
        with pytest.raises(CommandError, match="nobody of this name"):
            call_command(*command)


def test_django_permissions_say_no(admin) -> None:
    assert not admin.has_perm("keys.Encrypt")
    assert not admin.has_perm("keys.view_customermasterkey")
