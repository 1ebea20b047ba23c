"""Sub-accounts, groups and rights for tests, made through the operations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.core.context import request_context
from django.contrib.auth.models import Group as DjangoGroup
from django.http import HttpRequest

from accessctl.credentials import principal_of
from accessctl.models import Account, Group, Membership, User
from accessctl.operations import GrantAccess, RevokeAccess
from kmsconsole import clock, randomness
from kmsconsole.principals import Principal
from tests.personas import ACCOUNT, ROOT, execute


def account(uin: int = ACCOUNT) -> Account:
    """Return the account, with its root user."""
    made, _new = Account.objects.get_or_create(
        uin=uin, defaults={"name": "main", "created_at": clock.now()}
    )
    User.objects.get_or_create(
        uin=uin, defaults={"account": made, "name": "admin", "is_root": True}
    )
    return made


def sub_account(name: str = "ann", uin: int = ACCOUNT, **more: Any) -> User:
    """Return a new sub-account that can do nothing."""
    number = 200_000_000_000 + User.objects.count()
    user = User(uin=number, account=account(uin), name=name, **more)
    user.set_unusable_password()
    user.save(force_insert=True)
    return user


def group(name: str, *members: User, uin: int = ACCOUNT) -> Group:
    """Return a new group of these people."""
    django_group = DjangoGroup.objects.create(name=str(randomness.uuid4()))
    made = Group.objects.create(
        account=account(uin), auth_group=django_group, name=name
    )
    for user in members:
        Membership.objects.create(group=made, user=user)
    return made


def grant(
    holder: User | Group, *rights: str, key: str = "", by: Principal = ROOT, **more: Any
) -> bool:
    """Give rights; returns whether anything changed."""
    return _change(GrantAccess, holder, rights, key, by, **more)


def revoke(
    holder: User | Group, *rights: str, key: str = "", by: Principal = ROOT
) -> bool:
    """Take rights; returns whether anything changed."""
    return _change(RevokeAccess, holder, rights, key, by)


def _change(
    operation: Any,
    holder: User | Group,
    rights: tuple[str, ...],
    key: str,
    by: Principal,
    **more: Any,
) -> bool:
    whose = "Users" if isinstance(holder, User) else "Groups"
    data = {whose: [holder.name], "Rights": list(rights)}
    if key:
        data["KeyId"] = key
    changed: bool = execute(operation, by, **data, **more).output["Changed"]
    return changed


def acting(user: User) -> Principal:
    """Return the principal that this person acts as."""
    return principal_of(user)


@contextmanager
def acting_in_a_request(user: User) -> Iterator[None]:
    """Stand in for a page that this person opened; allauth asks who it was."""
    request = HttpRequest()
    request.user = user
    with request_context(request):
        yield
