"""The operator's reading room: behind a second factor, and nothing to do but read."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.sites import all_sites
from django.db import models
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse

from accessctl import models as access
from accessctl.models import Account, Group, Policy, User
from accessctl.operations import CreateAccessKey
from kmsconsole.audit.models import AuditEvent
from kmsconsole.operator_site import OperatorSite, ReadOnlyAdmin
from tests.console import signed_in, words
from tests.personas import ACCOUNT, OPERATOR, create_key, execute

pytestmark = pytest.mark.django_db

REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)
SECRET = {"password", "check_value", "object_id", "sealed_secret", "data"}


@pytest.fixture
def without_factor() -> Client:
    return signed_in()


@pytest.fixture
def client(without_factor: Client) -> Client:
    root = User.objects.get(account_id=ACCOUNT, is_root=True)
    Authenticator.objects.create(user=root, type="totp", data={"secret": "x"})
    return without_factor


def furnish() -> None:
    account = Account.objects.get(uin=ACCOUNT)
    create_key()
    execute(CreateAccessKey, OPERATOR, UserName="admin")
    Policy.objects.create(account=account, name="p", document="{}")
    django_group = Group._meta.get_field("auth_group").related_model
    group = django_group.objects.create(name="a-uuid")
    Group.objects.create(account=account, name="team", auth_group=group)


def stored() -> dict[str, list[Any]]:
    """Return every row of the models that the site shows."""
    shown = (model for model in REGISTERED if model is not AuditEvent)
    return {m._meta.label: list(m._default_manager.values()) for m in shown}


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_every_model_is_read_only_and_shows_no_secret(model: type) -> None:
    page = admin.site._registry[model]
    request = RequestFactory().get("/")
    assert isinstance(page, ReadOnlyAdmin)
    assert not page.has_add_permission(request)
    assert not page.has_change_permission(request)
    assert not page.has_delete_permission(request)
    assert page.actions is None
    assert list(page.get_inline_instances(request)) == []
    excluded = set(page.exclude or ())
    for field in model._meta.get_fields():
        name = field.name
        if name in SECRET or isinstance(field, models.BinaryField):
            assert name in excluded or not field.concrete, name
            assert name not in page.list_display


def test_every_model_of_access_control_can_be_looked_at() -> None:
    own = {model for model in apps.get_models() if model.__module__.startswith("acc")}
    assert own == {model for model in REGISTERED if model in own}
    assert access.UserKeyGrant in own
    assert [type(site) for site in all_sites] == [OperatorSite]


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_nothing_that_is_sent_changes_anything(client: Client, model: type) -> None:
    furnish()
    before = stored()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    row = model._default_manager.first()
    number = row.pk if row is not None else "1"
    listed = reverse(f"{name}_changelist")
    assert client.get(listed).status_code == 200
    data = {"action": "delete_selected", "_selected_action": number, "post": "yes"}
    urls = [listed, reverse(f"{name}_add")]
    urls += [reverse(f"{name}_{what}", args=[number]) for what in ("change", "delete")]
    for url in urls:
        answer = client.post(url, data)
        assert answer.status_code == 405, url
        assert stored() == before
    if row is not None:
        assert client.get(urls[2]).status_code == 200


def test_nothing_can_be_sent_to_the_site_itself(client: Client) -> None:
    for path in ("/operator/", "/operator/logout/"):
        assert client.post(path).status_code == 405
    with pytest.raises(NoReverseMatch):
        reverse("admin:password_change")


def test_an_operator_without_a_second_factor_sets_one_up_first(
    without_factor: Client,
) -> None:
    for path in ("/operator/", "/operator/accessctl/user/"):
        answer = without_factor.get(path, follow=True)
        assert answer.redirect_chain[-1][0] == reverse("mfa_index")
        assert "Set up a second factor to see the records." in words(answer)


def test_who_is_no_operator_is_not_let_in(client: Client) -> None:
    User.objects.update(is_staff=False)
    answer = client.get("/operator/", follow=True)
    assert "What is stored" not in words(answer)
