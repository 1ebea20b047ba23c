"""Every address of the console x who asks: what is answered, and that nothing changes.

ADDRESSES is written out by hand: a new page needs a line there. The person from
elsewhere holds full access to another account.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver

from accessctl.models import AccessRequest, Group, Policy, User
from accessctl.operations import first_account
from accessctl.views import access_keys, chosen, groups, people, policies
from keys.models import DataKey
from keys.operations import GenerateHostedDataKey
from keys.views import _BY_SLUG as OF_A_KEY
from keys.views.batch import BATCHES
from keys.views.data_key_page import _BY_SLUG as OF_A_DATA_KEY
from kmsconsole import randomness
from kmsconsole.audit.models import AuditEvent
from tests.accessctl.people import grant, group, revoke, sub_account
from tests.accessctl.undone import undone
from tests.console import PASSWORD, enter
from tests.personas import (
    ACCOUNT,
    FOREIGN_ACCOUNT,
    FOREIGN_ROOT,
    REGION,
    create_key,
    execute,
)

pytestmark = pytest.mark.django_db

HINT = (
    "%r has no line in %s of tests/accessctl/test_addresses.py: add one with what GET "
    "answers to a sub-account without rights, to a sub-account with full access to "
    "another account, and to root."
)
# What stands for the parts of an address.
PARTS = {
    "<uuid:key_id>": "{key}",
    "<uuid:data_key_id>": "{data key}",
    "<int:account>": str(ACCOUNT),
    "<int:pk>": "1",
    "<uuid:webhook_id>": "11111111-1111-4111-8111-111111111111",
    # The fixture gives this name to a sub-account, a group and a policy.
    "<str:name>": "nobody",
    "<int:uin>": "200000000001",
    "<int:group_id>": "{group}",
    "<int:request_id>": "{request}",
    "<int:sequence>": "{event}",
    "<str:secret_id>": "AKIDnothing",
    "<path:object_id>": "1",
    "<path:content_type_id>": "1",
    r"^confirm-email/(?P<key>[-:\w]+)/$": "confirm-email/abc/",
    r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": (
        "password/reset/key/1-abc/"
    ),
    r"^(signup|email|confirm-email|login/code|password/(set|reset))/": "signup/x/",
    r"(?P<url>.*)$": "nothing/",
}
# What GET answers to a sub-account without rights, to somebody from elsewhere, to root.
ADDRESSES = {
    "": "302 302 302",
    "access/chosen-sub-accounts/add-to-group/": "403 200 200",
    "access/chosen-sub-accounts/attach-policy/": "403 200 200",
    "access/chosen-sub-accounts/delete/": "403 200 200",
    "access/chosen-sub-accounts/disable/": "403 200 200",
    "access/chosen-sub-accounts/enable/": "403 200 200",
    "access/chosen-sub-accounts/end-sessions/": "403 200 200",
    "access/create-group/": "403 200 200",
    "access/create-policy/": "403 200 200",
    "access/create-sub-account/": "403 200 200",
    "access/explain/": "200 200 200",
    "access/grant/": "403 200 200",
    "access/groups/": "403 200 200",
    "access/groups/<int:group_id>/rights/": "403 404 200",
    "access/groups/<str:name>/": "403 404 200",
    "access/groups/<str:name>/add-members/": "403 404 200",
    "access/groups/<str:name>/delete/": "403 404 200",
    "access/groups/<str:name>/edit/": "403 404 200",
    "access/groups/<str:name>/remove-members/": "403 404 200",
    "access/mine/": "200 200 200",
    "access/policies/": "403 200 200",
    "access/policies/<str:name>/": "403 404 200",
    "access/policies/<str:name>/attach/": "403 404 200",
    "access/policies/<str:name>/delete/": "403 404 200",
    "access/policies/<str:name>/detach/": "403 404 200",
    "access/policies/<str:name>/edit/": "403 404 200",
    "access/requests/": "200 200 200",
    "access/requests/<int:request_id>/": "403 404 200",
    "access/requests/<int:request_id>/withdraw/": "405 405 405",
    "access/requests/new/": "200 200 200",
    "access/revoke/": "403 400 400",
    "access/settings/": "403 200 200",
    "access/sub-accounts/": "403 200 200",
    "access/sub-accounts/<str:name>/": "403 404 200",
    "access/sub-accounts/<str:name>/edit/": "403 404 200",
    "access/sub-accounts/<str:name>/reset-factors/": "403 404 200",
    "access/sub-accounts/<str:name>/reset-password/": "403 404 200",
    "access/users/<int:uin>/access-keys/": "200 404 200",
    "access/users/<int:uin>/access-keys/<str:secret_id>/delete/": "404 404 404",
    "access/users/<int:uin>/access-keys/<str:secret_id>/disable/": "404 404 404",
    "access/users/<int:uin>/access-keys/<str:secret_id>/enable/": "404 404 404",
    "access/users/<int:uin>/access-keys/<str:secret_id>/limits/": "404 404 404",
    "access/users/<int:uin>/access-keys/create/": "200 404 200",
    "access/users/<int:uin>/rights/": "200 404 200",
    "account/2fa/": "200 200 200",
    "account/2fa/authenticate/": "302 302 302",
    "account/2fa/reauthenticate/": "403 403 302",
    "account/2fa/recovery-codes/": "404 404 404",
    "account/2fa/recovery-codes/download/": "404 404 404",
    "account/2fa/recovery-codes/generate/": "200 200 200",
    "account/2fa/totp/activate/": "200 200 200",
    "account/2fa/totp/deactivate/": "404 404 404",
    "account/2fa/webauthn/": "200 200 200",
    "account/2fa/webauthn/add/": "200 200 200",
    "account/2fa/webauthn/keys/<int:pk>/edit/": "404 404 404",
    "account/2fa/webauthn/keys/<int:pk>/remove/": "404 404 404",
    "account/2fa/webauthn/reauthenticate/": "403 403 302",
    r"account/^(signup|email|confirm-email|login/code|password/(set|reset))/": (
        "404 404 404"
    ),
    r"account/^confirm-email/(?P<key>[-:\w]+)/$": "404 404 404",
    "account/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "404 404 404",
    "account/access-keys/": "200 200 200",
    "account/access-keys/<str:secret_id>/delete/": "404 404 404",
    "account/access-keys/<str:secret_id>/disable/": "404 404 404",
    "account/access-keys/<str:secret_id>/enable/": "404 404 404",
    "account/access-keys/<str:secret_id>/limits/": "404 404 404",
    "account/access-keys/create/": "200 200 200",
    "account/confirm-email/": "404 404 404",
    "account/email/": "404 404 404",
    "account/inactive/": "200 200 200",
    "account/login/": "302 302 302",
    "account/login/code/confirm/": "404 404 404",
    "account/logout/": "200 200 200",
    "account/password/change/": "200 200 200",
    "account/password/reset/": "404 404 404",
    "account/password/reset/done/": "404 404 404",
    "account/password/reset/key/done/": "404 404 404",
    "account/password/set/": "404 404 404",
    "account/reauthenticate/": "403 403 200",
    "account/sessions/": "200 200 200",
    "account/signup/": "404 404 404",
    "activity/": "403 200 200",
    "activity/<int:sequence>/": "403 404 200",
    "activity/export/": "403 200 200",
    "alarms/": "200 200 200",
    "alarms/scheduled/": "200 200 200",
    "alarms/settings/": "200 200 200",
    "alarms/settings/address/": "200 200 200",
    "alarms/settings/code/": "200 200 200",
    "alarms/settings/webhooks/<uuid:webhook_id>/delete/": "404 404 404",
    "alarms/settings/webhooks/<uuid:webhook_id>/try/": "404 404 404",
    "alarms/settings/webhooks/create/": "200 200 200",
    "healthz": "200 200 200",
    "keys/": "200 200 200",
    "keys/<uuid:key_id>/": "403 404 200",
    "keys/<uuid:key_id>/activity/": "403 404 200",
    "keys/<uuid:key_id>/allow-legacy-padding/": "403 404 404",
    "keys/<uuid:key_id>/archive-key/": "403 404 200",
    "keys/<uuid:key_id>/bindings/": "403 404 200",
    "keys/<uuid:key_id>/cancel-key-archive/": "403 404 200",
    "keys/<uuid:key_id>/cancel-key-deletion/": "403 404 200",
    "keys/<uuid:key_id>/confirm-key-deletion/": "403 404 200",
    "keys/<uuid:key_id>/data-keys/": "403 404 200",
    "keys/<uuid:key_id>/decrypt/": "403 404 200",
    "keys/<uuid:key_id>/delete-imported-key-material/": "403 404 200",
    "keys/<uuid:key_id>/disable-key-rotation/": "403 404 200",
    "keys/<uuid:key_id>/disable-key/": "403 404 200",
    "keys/<uuid:key_id>/enable-key-rotation/": "403 404 200",
    "keys/<uuid:key_id>/enable-key/": "403 404 200",
    "keys/<uuid:key_id>/encrypt/": "403 404 200",
    "keys/<uuid:key_id>/files/": "403 404 200",
    "keys/<uuid:key_id>/generate-data-key/": "403 404 200",
    "keys/<uuid:key_id>/get-parameters-for-import/": "403 404 404",
    "keys/<uuid:key_id>/host-data-key/": "403 404 200",
    "keys/<uuid:key_id>/import-data-key/": "403 404 200",
    "keys/<uuid:key_id>/import-key-material/": "302 302 302",
    "keys/<uuid:key_id>/material/": "403 404 404",
    "keys/<uuid:key_id>/menu/": "403 404 302",
    "keys/<uuid:key_id>/public-key/": "403 404 404",
    "keys/<uuid:key_id>/re-encrypt/": "403 404 200",
    "keys/<uuid:key_id>/rotate-key/": "403 404 200",
    "keys/<uuid:key_id>/rotation/": "403 404 200",
    "keys/<uuid:key_id>/rsa-decrypt/": "403 404 404",
    "keys/<uuid:key_id>/schedule-key-deletion/": "403 404 200",
    "keys/<uuid:key_id>/sign/": "403 404 404",
    "keys/<uuid:key_id>/tag-key/": "403 404 200",
    "keys/<uuid:key_id>/update-alias/": "403 404 200",
    "keys/<uuid:key_id>/update-key-description/": "403 404 200",
    "keys/<uuid:key_id>/verify/": "403 404 404",
    "keys/batch/disable-keys/": "200 200 200",
    "keys/batch/enable-keys/": "200 200 200",
    "keys/batch/schedule-keys-deletion/": "200 200 200",
    "keys/batch/tag-keys/": "200 200 200",
    "keys/cloud/": "200 200 200",
    "keys/create/": "403 200 200",
    "keys/data-keys/": "200 200 200",
    "keys/data-keys/<uuid:data_key_id>/": "403 404 200",
    "keys/data-keys/<uuid:data_key_id>/cancel-data-key-deletion/": "403 404 200",
    "keys/data-keys/<uuid:data_key_id>/disable-data-key/": "403 404 200",
    "keys/data-keys/<uuid:data_key_id>/enable-data-key/": "403 404 200",
    "keys/data-keys/<uuid:data_key_id>/get-data-key-ciphertext-blob/": "403 404 302",
    "keys/data-keys/<uuid:data_key_id>/get-data-key-plaintext/": "403 404 302",
    "keys/data-keys/<uuid:data_key_id>/schedule-data-key-deletion/": "403 404 200",
    "keys/data-keys/<uuid:data_key_id>/update-data-key-description/": "403 404 200",
    "keys/data-keys/<uuid:data_key_id>/update-data-key-name/": "403 404 200",
    "keys/random/": "403 200 200",
    "login/": "302 302 302",
    "login/<int:account>/": "302 302 302",
    "logout/": "200 200 200",
    "preferences/language/": "405 405 405",
    "preferences/region/": "405 405 405",
    "preferences/theme/": "405 405 405",
    "products/": "403 200 200",
    "readyz": "200 200 200",
}
# Answered without signing in; everything else leads to the sign-in.
OPEN = {
    r"account/^(signup|email|confirm-email|login/code|password/(set|reset))/",
    "account/email/",
    "account/login/code/confirm/",
    "account/password/set/",
    r"account/^confirm-email/(?P<key>[-:\w]+)/$",
    "account/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
    "account/confirm-email/",
    "account/inactive/",
    "account/login/",
    "account/password/reset/",
    "account/password/reset/done/",
    "account/password/reset/key/done/",
    "account/signup/",
    "healthz",
    "login/",
    "login/<int:account>/",
    "preferences/language/",
    "preferences/theme/",
    "readyz",
}
# Everybody's own: what nobody here changes there is theirs.
OWN = {
    "access/requests/<int:request_id>/withdraw/",
    "access/users/<int:uin>/access-keys/create/",
    "account/access-keys/create/",
}
# The operator's site: nobody but the operator gets in. A line for each model.
OPERATOR = {
    "",
    "login/",
    "logout/",
    "autocomplete/",
    "jsi18n/",
    "r/<path:content_type_id>/<path:object_id>/",
    r"(?P<url>.*)$",
}
MODELS = {
    "accessctl/accesskey/",
    "accessctl/accessrequest/",
    "accessctl/group/",
    "accessctl/groupaccountgrant/",
    "accessctl/groupkeygrant/",
    "accessctl/membership/",
    "accessctl/policy/",
    "accessctl/policyattachment/",
    "accessctl/product/",
    "accessctl/productcredential/",
    "accessctl/useraccountgrant/",
    "accessctl/userkeygrant/",
    "accessctl/account/",
    "accessctl/user/",
    "audit/auditevent/",
    "keys/customermasterkey/",
    "keys/heartbeat/",
    "keys/keyversion/",
    "keys/tokenkey/",
}
_OF_ONE = "<path:object_id>/"
_DONE_TO_ONE = (f"{_OF_ONE}{what}/" for what in ("change", "delete", "history"))
ABOUT_MODEL = ("", "add/", _OF_ONE, *_DONE_TO_ONE)
OF_USE = re.compile(
    "audit_|django_session|usersessions_|kmsconsole_cache|keys_(usageprogress|keyusage)"
)


# The last part of some addresses is one of a table's names.
SLUGS: tuple[tuple[str, Any], ...] = (
    ("keys/<uuid:key_id>/", OF_A_KEY),
    ("keys/data-keys/", OF_A_DATA_KEY),
    ("keys/batch/", [batch.slug for batch in BATCHES]),
    ("access-keys/", access_keys._BY_SLUG),
    ("access/chosen-sub-accounts/", chosen._BY_SLUG),
    ("access/sub-accounts/", people._BY_SLUG),
    ("access/groups/", groups._BY_SLUG),
    ("access/policies/", policies._BY_SLUG),
)


def walk(patterns: Any, before: str = "") -> Iterator[str]:
    """Yield every address, slugs written out."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from walk(pattern.url_patterns, route)
        elif "<slug:slug>" in route:
            slugs = next(found for start, found in SLUGS if start in route)
            yield from (route.replace("<slug:slug>", slug) for slug in slugs)
        else:
            yield route


ROUTES = sorted(set(walk(get_resolver().url_patterns)))
# The start page of each application in the operator's site is named after them all.
FOR_OPERATOR = [
    route.removeprefix("operator/")
    for route in ROUTES
    if route.startswith("operator/") and "app_label" not in route
]
FOR_PEOPLE = [route for route in ROUTES if not route.startswith("operator/")]


def test_every_address_has_a_line() -> None:
    for route in FOR_PEOPLE:
        assert route in ADDRESSES, HINT % (route, "ADDRESSES")
    known = OPERATOR | {model + what for model in MODELS for what in ABOUT_MODEL}
    for route in FOR_OPERATOR:
        assert route in known, HINT % (route, "OPERATOR or MODELS")
    gone = (set(ADDRESSES) | OPEN) - set(FOR_PEOPLE), known - set(FOR_OPERATOR)
    assert not any(gone), f"these addresses are no more: {gone}"


@pytest.fixture
def browsers() -> dict[str, Client]:
    """Each asker's browser, by name."""
    cache.clear()
    first_account(PASSWORD)
    nobody = sub_account("nobody")
    group("nobody", nobody)
    document = '{"version": "2.0", "statement": []}'
    Policy.objects.create(account=nobody.account, name="nobody", document=document)
    AccessRequest.objects.create(
        account=nobody.account,
        requester=nobody,
        right="role.read-only",
        region=REGION,
        key_id=randomness.uuid4(),
        hours=1,
        reason="a test",
    )
    stranger = sub_account("stranger", FOREIGN_ACCOUNT)
    grant(stranger, "role.full-access", by=FOREIGN_ROOT)
    found = {"anonymous": Client()}
    for user in User.objects.exclude(uin=FOREIGN_ACCOUNT):
        found["root" if user.is_root else user.name] = client = Client()
        enter(client, user)
    assert set(found) == {"anonymous", "nobody", "stranger", "root"}
    return found


def key_with_data_key() -> str:
    key = create_key()
    hosted = {"KeySpec": "AES_256", "IsHostedByKms": 1, "DataKeyName": "orders"}
    execute(GenerateHostedDataKey, KeyId=key, **hosted)
    return key


def path_of(route: str, key: str) -> str:
    known = {
        "{key}": key,
        "{data key}": str(DataKey.objects.get().pk),
        "{group}": str(Group.objects.earliest("id").pk),
        "{request}": str(AccessRequest.objects.earliest("id").pk),
        "{event}": str(AuditEvent.objects.earliest("sequence").pk),
    }
    for part, text in PARTS.items():
        route = route.replace(part, known.get(text, text))
    path = f"/{route}"
    assert not re.search(r"[<>^$]", path), f"say in PARTS what stands for {path}"
    return path


def content() -> str:
    """Return a digest of everything stored but audit, use and sessions."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            if not OF_USE.match(table):
                cursor.execute(f'SELECT * FROM "{table}"')
                rows = sorted(map(repr, cursor.fetchall()))
                digest.update(repr((table, rows)).encode())
    return digest.hexdigest()


def ask(client: Client, method: str, path: str) -> HttpResponse:
    """Ask and forget what the asking did to browser and database."""
    kept = client.cookies.copy()
    answer: HttpResponse = getattr(client, method)(path)
    client.cookies = kept
    return answer


def leads_to_sign_in(answer: HttpResponse) -> bool:
    """Say whether this sends somebody to the sign-in."""
    place = answer.headers.get("Location", "")
    return bool(re.match(r"(/operator)?/login/", place))


def is_turned_away(answer: HttpResponse) -> bool:
    """Say whether somebody was sent to the sign-in, or refused."""
    return leads_to_sign_in(answer) or answer.status_code in (403, 404, 405)


def is_as_open(answer: HttpResponse, route: str) -> bool:
    """Say whether somebody who didn't sign in got what OPEN says."""
    if route in OPEN:
        return not leads_to_sign_in(answer)
    return is_turned_away(answer)


def test_get_answers_as_written_and_changes_nothing(
    browsers: dict[str, Client],
) -> None:
    key = key_with_data_key()
    before = content()
    wrong: list[Any] = []
    for route in FOR_PEOPLE:
        path = path_of(route, key)
        codes = ADDRESSES.get(route, "- - -").split()
        wanted = dict(zip(("nobody", "stranger", "root"), codes, strict=True))
        for name, client in browsers.items():
            answer = ask(client, "get", path)
            if name == "anonymous":
                if not is_as_open(answer, route):
                    wrong.append((route, name, answer.status_code))
            elif str(answer.status_code) != wanted.get(name):
                wrong.append((route, name, answer.status_code))
            if content() != before:
                wrong.append((route, name, "GET changed something"))
                before = content()
    assert not wrong, "\n".join(map(str, wrong))


def test_post_without_rights_changes_nothing(browsers: dict[str, Client]) -> None:
    """And neither does a form without fields break a page."""
    key = key_with_data_key()
    before = content()
    wrong: list[Any] = []
    for route in FOR_PEOPLE:
        path = path_of(route, key)
        for name, client in browsers.items():
            with undone():
                answer = ask(client, "post", path)
                if answer.status_code >= 500:
                    wrong.append((route, name, answer.status_code))
                if name == "anonymous" and not is_as_open(answer, route):
                    wrong.append((route, name, answer.status_code))
                own = route in OWN and name not in ("root", "anonymous")
                if name != "root" and not own and content() != before:
                    wrong.append((route, name, "POST changed something"))
    assert not wrong, wrong


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_operators_site_lets_nobody_else_in(
    browsers: dict[str, Client], method: str
) -> None:
    key = key_with_data_key()
    before = content()
    wrong: list[Any] = []
    for route in FOR_OPERATOR:
        path = path_of(f"operator/{route}", key)
        for name, client in browsers.items():
            with undone():
                answer = ask(client, method, path)
                out = is_turned_away(answer) or route == "logout/"
                if answer.status_code >= 500 or (name != "root" and not out):
                    wrong.append((route, name, answer.status_code))
                if content() != before:
                    wrong.append((route, name, f"{method} changed something"))
    assert not wrong, wrong


def test_somebody_elses_key_looks_like_none(browsers: dict[str, Client]) -> None:
    """Page by page, but for the key's own number."""
    key, none = key_with_data_key(), "11111111-1111-4111-8111-111111111111"
    hosted = str(DataKey.objects.get().pk)
    noise = re.compile(
        rb'(value|content)="[^"]{20,}"|[0-9a-f]{8}-[0-9a-f-]{27}|X-CSRFToken[^}]*'
    )
    for route in FOR_PEOPLE:
        path = path_of(route, key)
        if key not in path and hosted not in path:
            continue
        unknown = path.replace(key, none).replace(hosted, none)
        for method in ("get", "post"):
            answers = []
            for asked in (path, unknown):
                with undone():
                    got = ask(browsers["stranger"], method, asked)
                answers.append((got.status_code, noise.sub(b"", got.content)))
            assert answers[0] == answers[1], (route, method)


@pytest.fixture
def likes(browsers: dict[str, Client]) -> dict[str, tuple[str, Client]]:
    """Others who ask, and whose answers theirs have to be like."""
    found: dict[str, tuple[str, Client]] = {}
    full = "role.full-access"
    revoked, disabled = sub_account("revoked"), sub_account("disabled")
    # Nobody is a superuser (User.is_superuser); this much can stand in a row.
    staff = sub_account("staff", is_staff=True)
    for user, like in (
        (revoked, "nobody"),
        (disabled, "anonymous"),
        (staff, "nobody"),
        (User.objects.get(uin=FOREIGN_ACCOUNT), "stranger"),
    ):
        if user in (revoked, disabled):
            grant(user, full)
        found[user.name if not user.is_root else "foreign root"] = (like, Client())
        enter(found[user.name if not user.is_root else "foreign root"][1], user)
    # In the middle of a session that could do everything.
    for name in ("revoked", "disabled"):
        assert found[name][1].get("/activity/").status_code == 200
    revoke(revoked, full)
    User.objects.filter(pk=disabled.pk).update(is_active=False)
    return found


def is_like(like: str, method: str, answer: HttpResponse, route: str) -> bool:
    """Say whether an answer is the one that ADDRESSES has for somebody else."""
    if like == "anonymous":
        return is_as_open(answer, route)
    if method == "post":
        return answer.status_code < 500
    if "<int:uin>" in route and like == "nobody":
        # The first of them looks at their own there; these don't.
        return answer.status_code in (403, 404)
    if route.endswith("reauthenticate/") and like == "stranger":
        # The stranger has no password to prove anything by; a root user has.
        like = "root"
    codes = dict(
        zip(("nobody", "stranger", "root"), ADDRESSES[route].split(), strict=True)
    )
    return str(answer.status_code) == codes[like]


def test_others_get_what_those_like_them_get(
    likes: dict[str, tuple[str, Client]],
) -> None:
    """Revoked and disabled in mid-session, flagged as staff, another account's root."""
    key = key_with_data_key()
    before = content()
    wrong: list[Any] = []
    for route in FOR_PEOPLE:
        path = path_of(route, key)
        for name, (like, client) in likes.items():
            for method in ("get", "post"):
                with undone():
                    answer = ask(client, method, path)
                    if route not in OWN and content() != before:
                        wrong.append((route, name, f"{method} changed something"))
                if not is_like(like, method, answer, route):
                    wrong.append((route, name, method, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))
