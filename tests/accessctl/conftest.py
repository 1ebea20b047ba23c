"""Two accounts with people in them, and a clock that can be put forward."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accessctl.models import FIRST_ACCOUNT_UIN, Account, User
from kmsconsole import clock
from tests.personas import ACCOUNT, FOREIGN_ACCOUNT

PASSWORD = "correct-horse-battery"
_ANN, _BOB = 100_000_000_101, 100_000_000_201


@pytest.fixture
def quick(settings: Any) -> None:
    """Hash passwords fast, where their slowness isn't what is tested."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def _person(account: int, uin: int, name: str, **more: Any) -> User:
    Account.objects.get_or_create(uin=account, defaults={"name": f"account {account}"})
    user = User(uin=uin, account_id=account, name=name, **more)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def root(db: None, quick: None) -> User:
    assert ACCOUNT == FIRST_ACCOUNT_UIN
    cache.clear()
    return _person(ACCOUNT, ACCOUNT, "admin", is_root=True, is_staff=True)


@pytest.fixture
def ann(root: User) -> User:
    """A sub-account of the first account."""
    return _person(ACCOUNT, _ANN, "ann")


@pytest.fixture
def bob(db: None, quick: None) -> User:
    """A sub-account of another account, of the same name as ann."""
    cache.clear()
    return _person(FOREIGN_ACCOUNT, _BOB, "ann")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put the clock forward."""
    passed = timedelta()
    real = clock.now

    def put(**more: float) -> None:
        nonlocal passed
        passed += timedelta(**more)
        monkeypatch.setattr(clock, "now", lambda: real() + passed)

    return put


def sign_in(
    client: Client,
    user: User,
    password: str = PASSWORD,
    *,
    address: str = "127.0.0.1",
    name: str | None = None,
) -> Any:
    """Send the sign-in form."""
    form = {
        "account": user.account_id,
        "login": name or user.name,
        "password": password,
    }
    return client.post("/login/", form, REMOTE_ADDR=address)


def inside(client: Client) -> bool:
    """Say whether the console opens."""
    return client.get("/keys/").status_code == 200
